/**
 * What the server, the store and the page say to each other: plain JSON, checked where it enters. Coordinates are ICRS
 * degrees, times ISO 8601 UTC, scores probabilities in [0, 1]. Pictures and pixels are the only answers that are not
 * JSON.
 */
import { z } from "zod";
import { DrawnBox } from "./fields.ts";
import { ShownTeam, Team } from "./team.ts";

/** The id of an object: as in the survey's catalogue, unique there. */
export const ObjectId = z.string().min(1).max(200);
/** A session's name in addresses: small letters, digits and hyphens, such as `face-on-spiral-2`. */
export const SessionId = z.string().regex(/^[a-z0-9][a-z0-9-]{0,80}$/);
/** A line of text that a person writes; control characters are no text, and PostgreSQL takes no NUL. */
const line = (longest: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(longest)
    .regex(/^\P{Cc}*$/u, "is a line of text, without control characters");
/** The name that a person goes by; it stands beside each of their labels. */
export const Who = line(80);
/** A free word that a person puts on an object, beside its label ("ring", "check"). */
export const Tag = line(60);

/** "clear" takes a label back without undoing later ones. */
export const LabelValue = z.enum(["positive", "negative", "unsure", "clear"]);

/**
 * Why an object stands on a page: an example given at the start, the alpha rule (best or lower scores), a random pick,
 * or the person's own choice.
 */
export const Reason = z.enum(["start", "highest", "lower", "random", "chosen"]);

/** A column of the catalogue that the user brought; `filled` counts the objects that have a value. */
export const Column = z.object({
  name: z.string(),
  type: z.enum(["string", "number", "boolean"]),
  filled: z.number().int(),
  /** Of computed columns, TABLE.COLUMN. */
  unit: z.string().optional(),
});

/** Features of a survey by one model: `dim` numbers for each of `total` objects, of which `done` are computed. */
export const FeatureSet = z.object({
  model: z.string(),
  weightsHash: z.string(),
  dim: z.number().int(),
  done: z.number().int(),
  total: z.number().int(),
});

/** What the page shows of a survey; `problems` counts files and rows that were not taken in, or with a reservation. */
export const SurveyInfo = z.object({
  survey: z.string(),
  title: z.string(),
  count: z.number().int(),
  kind: z.enum(["flux", "colour"]),
  bands: z.array(z.string()),
  pixelScaleArcsec: z.number().nullable(),
  columns: z.array(Column),
  features: z.array(FeatureSet),
  problems: z.number().int(),
  /** Of a survey of detections, how many images they were found in; 0 of others. */
  fields: z.number().int(),
});

/** What a list shows of an object: id, position (ICRS degrees, null where unknown), size of its stamp. */
export const ObjectRow = z.object({
  object: ObjectId,
  raDeg: z.number().nullable(),
  decDeg: z.number().nullable(),
  widthPx: z.number().int(),
  heightPx: z.number().int(),
});

/** An object with every catalogue column. */
export const ObjectDetail = ObjectRow.extend({
  /** The file that it was taken from, as the catalogue names it. */
  source: z.string(),
  pixelScaleArcsec: z.number().nullable(),
  columns: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
  /** Other services that may know more of this place. */
  links: z.array(z.object({ name: z.string(), url: z.string() })),
});

/** What a ranking begins with, where it is not learned from labels alone. */
export const Prior = z.literal("detector");

/**
 * How long unlabelled objects are learned from as negatives beside the answers: fewer and then none where more of the
 * answers are positive, or always as many. Always finds more; the ranking of common kinds gets worse.
 */
export const Unlabelled = z.enum(["fading", "always"]);

/** POST /api/sessions: a search with its first examples. At most 2,000 of each kind. */
export const NewSession = z.object({
  survey: z.string(),
  model: z.string(),
  /** What is looked for, in the person's words ("face-on spiral"). */
  target: line(120),
  /** 0 leads to recall, 1 to precision (paper, section 5.1). */
  alpha: z.number().min(0).max(1).default(0.5),
  pageSize: z.number().int().min(1).max(500).default(20),
  /** Of each page, so many random picks: the honest baseline. */
  randomPicks: z.number().int().min(0).max(100).default(2),
  seed: z
    .number()
    .int()
    .min(0)
    .max(2 ** 32 - 1)
    .default(1),
  who: Who,
  /** How several people share the session. */
  team: Team.optional(),
  /** Of detections: the ranking begins with the detector's scores and changes where labels do; no example is needed. */
  prior: Prior.optional(),
  /** Unlabelled objects among the negatives; not beside `prior`, which needs none. Default: fading. */
  unlabelled: Unlabelled.optional(),
  positive: z.array(ObjectId).max(2000),
  negative: z.array(ObjectId).max(2000),
});

/**
 * One thing a person did. Events are only ever appended; undo and redo are events too and name the event they concern.
 */
export const SessionEvent = z.object({
  seq: z.number().int(),
  at: z.string(),
  who: z.string(),
  round: z.number().int(),
  kind: z.enum(["label", "tag", "untag", "box", "undo", "redo", "alpha", "name", "status"]),
  object: ObjectId.nullable(),
  /** The label, the tag, the box of an object that was drawn (JSON), the new alpha, name or status, or for undo and redo the number of the event concerned. */
  value: z.string(),
  reason: Reason.nullable(),
  /**
   * The page's own key of the click: sent again after a lost answer, it is not recorded twice. Events of one person in
   * a row whose keys share what stands before a slash are one action: undo and redo take them together.
   */
  clientKey: z.string().nullable(),
});

/** One click: an object drawn, a label, a tag added, or a tag removed. Absent fields change nothing. */
export const NewLabel = z.object({
  object: ObjectId,
  /** An object that the detector missed, under an id that nothing has yet. */
  box: DrawnBox.optional(),
  value: LabelValue.optional(),
  addTag: Tag.optional(),
  removeTag: Tag.optional(),
  clientKey: z.string().max(80).optional(),
});
/** POST …/labels: up to 1,000 clicks of one person, saved in order and all or none. */
export const NewLabels = z.object({
  who: Who,
  labels: z.array(NewLabel).min(1).max(1000),
  /** The round of the page that the labels were given on: where it is no longer the last, nothing is saved. */
  seen: z.number().int().min(0).optional(),
});
/** A request of which only the person matters. */
export const ByWho = z.object({ who: Who });
/** Undo and redo. With the same `clientKey` again (the answer got lost) the step is not taken twice. */
export const Step = ByWho.extend({ clientKey: z.string().max(80).optional() });
/** POST …/rounds: learn from the labels so far and show the next page, with another alpha where one is given. */
export const NewRound = z.object({
  who: Who,
  alpha: z.number().min(0).max(1).optional(),
  /**
   * The last round that this person has seen: where somebody else has gone on already, that page is the answer and no
   * new round is made.
   */
  seen: z.number().int().min(0).optional(),
});

/** An object on a page; `score` is null before the first learning. */
export const PagePick = z.object({
  object: ObjectId,
  score: z.number().nullable(),
  reason: Reason,
});

/**
 * How a round went: labels given in it, by reason, and the precision of what was shown beside the random picks' hit
 * rate.
 */
export const RoundSummary = z.object({
  round: z.number().int(),
  alpha: z.number(),
  mode: z.enum(["start", "highest", "lower", "mixed"]),
  shown: z.number().int(),
  positives: z.number().int(),
  negatives: z.number().int(),
  unsure: z.number().int(),
  randomShown: z.number().int(),
  randomPositives: z.number().int(),
  precision: z.number().nullable(),
  precisionLow: z.number().nullable(),
  precisionHigh: z.number().nullable(),
});

/**
 * A page of a round. `provisional` pages were chosen from a part of the survey; the full ranking replaces what nobody
 * has seen yet.
 */
export const Page = z.object({
  round: z.number().int(),
  provisional: z.boolean(),
  exhausted: z.boolean(),
  picks: z.array(PagePick),
});

/** The label and tags of an object that count now: the latest that was not undone, whose it is, and its round. */
export const LabelState = z.object({
  value: LabelValue.nullable(),
  tags: z.array(z.string()),
  who: z.string(),
  at: z.string(),
  round: z.number().int(),
  /** How the object came before the person who gave the label. */
  reason: Reason.nullable(),
});

/** Archived and deleted sessions are hidden from the list; both can come back. */
export const SessionStatus = z.enum(["active", "archived", "deleted"]);

/** POST …/change: another name or another status. */
export const SessionChange = z
  .object({ who: Who, target: line(120).optional(), status: SessionStatus.optional() })
  .refine(({ target, status }) => target !== undefined || status !== undefined, "needs a target or a status");

/** POST …/copy: another session that begins with this one's labels. */
export const CopySession = z.object({ who: Who, target: line(120).optional() });

/** A search and how far it has come. Counts are of objects whose label counts now. */
export const Session = z.object({
  session: SessionId,
  survey: z.string(),
  model: z.string(),
  target: z.string(),
  alpha: z.number(),
  pageSize: z.number().int(),
  randomPicks: z.number().int(),
  seed: z.number().int(),
  createdAt: z.string(),
  createdBy: z.string(),
  round: z.number().int(),
  positives: z.number().int(),
  negatives: z.number().int(),
  unsure: z.number().int(),
  status: SessionStatus,
  team: ShownTeam.optional(),
  prior: Prior.optional(),
  /** Absent: fading. */
  unlabelled: Unlabelled.optional(),
});

/** Labels of one object by different people that disagree. */
export const Conflict = z.object({
  object: ObjectId,
  opinions: z.array(z.object({ who: z.string(), value: LabelValue })),
});

/** All a page needs to continue after a reload. */
export const SessionState = Session.extend({
  labels: z.record(ObjectId, LabelState),
  /** Objects that people drew, which the survey does not have. */
  boxes: z.record(ObjectId, DrawnBox),
  conflicts: z.array(Conflict),
  page: Page.nullable(),
  rounds: z.array(RoundSummary),
  canUndo: z.boolean(),
  canRedo: z.boolean(),
  lastSeq: z.number().int(),
  ranked: z.boolean(),
});

/** The answer to a write: all that it changed of the session's state, so that nobody need ask for it again. */
export const Saved = z.object({
  events: z.array(SessionEvent),
  labels: z.record(ObjectId, LabelState),
  boxes: z.record(ObjectId, DrawnBox),
  conflicts: z.array(Conflict),
  rounds: z.array(RoundSummary),
  canUndo: z.boolean(),
  canRedo: z.boolean(),
  lastSeq: z.number().int(),
});

/** A line of the ranking; `rank` 1 has the highest score. */
export const RankedRow = ObjectRow.extend({
  rank: z.number().int(),
  score: z.number(),
  label: LabelValue.nullable(),
  tags: z.array(z.string()),
  round: z.number().int().nullable(),
  who: z.string().nullable(),
  /** When the label was given, and how the object came before the person. */
  at: z.string().nullable(),
  reason: Reason.nullable(),
  /** Of the session compared with. */
  otherScore: z.number().nullish(),
  otherLabel: LabelValue.nullish(),
});
/** A part of the ranking: `rows` from `offset` on, of the `total` that the filter leaves. */
export const Ranking = z.object({ total: z.number().int(), offset: z.number().int(), rows: z.array(RankedRow) });

/** File formats of an exported ranking. */
export const ExportFormat = z.enum(["csv", "parquet", "fits", "votable"]);

/**
 * Sent on /api/sessions/:session/stream (server-sent events; the event's name is `type`), and on /api/stream, which
 * carries several sessions, as LiveMessage.
 */
export const StreamMessage = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("progress"),
    stage: z.enum(["learn", "score", "choose"]),
    done: z.number(),
    total: z.number(),
  }),
  z.object({ type: z.literal("page"), page: Page }),
  z.object({ type: z.literal("ranked"), round: z.number().int(), total: z.number().int(), seconds: z.number() }),
  z.object({ type: z.literal("assessed"), round: z.number().int() }),
  z.object({ type: z.literal("events"), events: z.array(SessionEvent) }),
  z.object({ type: z.literal("failed"), code: z.string(), message: z.string() }),
]);

/** A message of /api/stream (event `message`), with the session that it is of. */
export const LiveMessage = z.object({ session: SessionId, message: StreamMessage });

/** The body of every answer that is not a success; `code` is one of docs/errors.md. */
export const ApiError = z.object({ code: z.string(), message: z.string() });

export type SurveyInfo = z.infer<typeof SurveyInfo>;
export type Column = z.infer<typeof Column>;
export type FeatureSet = z.infer<typeof FeatureSet>;
export type ObjectRow = z.infer<typeof ObjectRow>;
export type ObjectDetail = z.infer<typeof ObjectDetail>;
export type NewSession = z.infer<typeof NewSession>;
export type Unlabelled = z.infer<typeof Unlabelled>;
export type SessionEvent = z.infer<typeof SessionEvent>;
export type NewLabel = z.infer<typeof NewLabel>;
export type NewRound = z.infer<typeof NewRound>;
export type NewLabels = z.infer<typeof NewLabels>;
export type LabelValue = z.infer<typeof LabelValue>;
export type LabelState = z.infer<typeof LabelState>;
export type Reason = z.infer<typeof Reason>;
export type PagePick = z.infer<typeof PagePick>;
export type Page = z.infer<typeof Page>;
export type RoundSummary = z.infer<typeof RoundSummary>;
export type Session = z.infer<typeof Session>;
export type SessionState = z.infer<typeof SessionState>;
export type Saved = z.infer<typeof Saved>;
export type RankedRow = z.infer<typeof RankedRow>;
export type Ranking = z.infer<typeof Ranking>;
export type ExportFormat = z.infer<typeof ExportFormat>;
export type StreamMessage = z.infer<typeof StreamMessage>;
export type SessionStatus = z.infer<typeof SessionStatus>;
export type SessionChange = z.infer<typeof SessionChange>;
export type LiveMessage = z.infer<typeof LiveMessage>;
export type Conflict = z.infer<typeof Conflict>;
export type ApiError = z.infer<typeof ApiError>;
