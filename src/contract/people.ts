/** Who may do what, as server and page say it to each other. */
import { z } from "zod";
import { Who } from "./api.ts";

/** Each may do all that those before may: look, label, lead. */
export const Role = z.enum(["viewer", "labeller", "owner"]);

/** GET /api/me: the account that asks; without accounts everybody may do everything under any name. */
export const Me = z.object({ accounts: z.boolean(), name: Who.nullable(), role: Role });

export type Role = z.infer<typeof Role>;
export type Me = z.infer<typeof Me>;
