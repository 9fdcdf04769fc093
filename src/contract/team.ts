/** Several people in one session: how they share its pages, and how far they agree. */
import { z } from "zod";

/**
 * shared: everybody sees everything. blind: each sees a part of the page, and of the others' labels those on objects
 * that they have answered themselves. panel: blind, and each object is shown to `panel` people before it is learned.
 */
export const TeamMode = z.enum(["shared", "blind", "panel"]);

/** How a session is shared by several people. */
export const Team = z.object({
  mode: TeamMode,
  /** blind: share of the objects that are shown to two people. */
  overlap: z.number().min(0).max(1).default(0.1),
  /** panel: so many people answer each object. */
  panel: z.number().int().min(2).max(9).default(3),
  /** What an object weighs when it is learned: its majority's share, or what Dawid and Skene's model makes of it. */
  weights: z.enum(["majority", "dawid-skene"]).default("majority"),
  /** Objects with known answers, mixed into the pages: they tell how people answer, and are learned once, as known. */
  gold: z
    .object({
      positive: z.array(z.string().min(1).max(200)).max(500),
      negative: z.array(z.string().min(1).max(200)).max(500),
    })
    .default({ positive: [], negative: [] }),
});

/** What a page may know of it: not which objects are gold. */
export const ShownTeam = Team.omit({ gold: true });

/** Cohen's kappa with its 95 % interval over so many objects. */
export const KappaEstimate = z.object({
  objects: z.number().int(),
  agreement: z.number(),
  kappa: z.number(),
  low: z.number(),
  high: z.number(),
});

/** A line of "Who agrees". */
export const PersonAgreement = z.object({
  who: z.string(),
  labels: z.number().int(),
  yes: z.number().int(),
  no: z.number().int(),
  unsure: z.number().int(),
  /** Labels an hour between the first and the last; null where less than a minute lies between them. */
  perHour: z.number().nullable(),
  /** With what the others say of the same objects; null below twenty objects. */
  others: KappaEstimate.nullable(),
  /** Answers to gold objects: right and wrong ones, by what is known. */
  gold: z.object({ yesRight: z.number(), yesWrong: z.number(), noRight: z.number(), noWrong: z.number() }),
  /** Why somebody should look at this person's answers, as sentences. */
  flags: z.array(z.string()),
});

/** GET /api/sessions/:session/agreement. */
export const Agreement = z.object({
  people: z.array(PersonAgreement),
  pairs: z.array(KappaEstimate.extend({ one: z.string(), other: z.string() })),
  conflicts: z.number().int(),
});

export type Team = z.infer<typeof Team>;
export type ShownTeam = z.infer<typeof ShownTeam>;
export type PersonAgreement = z.infer<typeof PersonAgreement>;
export type Agreement = z.infer<typeof Agreement>;
