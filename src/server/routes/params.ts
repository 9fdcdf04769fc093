/** What addresses and questions of several routes have in common. */
import { z } from "zod";
import { ObjectId, SessionId } from "../../contract/api.ts";

/** An address below a survey. */
export const InSurvey = z.object({ survey: z.string() });
/** An address below an object of a survey. */
export const InObject = InSurvey.extend({ object: ObjectId });
/** An address below a session. */
export const InSession = z.object({ session: SessionId });
/** A whole number of a query, from `low` to `high`. */
export const wholeNumber = (low: number, high: number) => z.coerce.number().int().min(low).max(high);
