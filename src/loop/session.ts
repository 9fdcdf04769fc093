/** A session: what a person looks for, and everything they did. Nothing here computes scores; round.ts does. */

import { codeOf, SkyloopError } from "../base/errors.ts";
import { Random } from "../base/random.ts";
import type { NewLabels, NewSession, Page, Saved, Session, SessionEvent, SessionState } from "../contract/api.ts";
import type { DrawnBox } from "../contract/fields.ts";
import type { ShownTeam, Team } from "../contract/team.ts";
import type { NewEvent, RoundRecord, SessionRecord, SessionSettings, Store } from "../store/store.ts";
import { actionOf, type FoldedSession, fold } from "./fold.ts";
import { foldNow } from "./folds.ts";
import { summariseRounds } from "./round-counts.ts";
import { goldOf, pageFor, seenLabels, sightOf } from "./team.ts";

/** An object that was shown and not answered may come again after so many other rounds. */
const RETURN_AFTER = 3;

/** What a session needs to know of its survey. */
export interface SessionSurvey {
  name: string;
  dataHash: string;
  indexOf(id: string): number | undefined;
  /** Of a survey of detections: the size of one of its images. */
  fieldOf?(name: string): { widthPx: number; heightPx: number } | undefined;
}

function slug(text: string): string {
  return (
    text
      .toLowerCase()
      .normalize("NFKD")
      .replace(/[^a-z0-9]+/g, "-")
      .replace(/^-|-$/g, "")
      .slice(0, 40) || "session"
  );
}

function mustKnow(survey: SessionSurvey, objects: string[]): void {
  const unknown = objects.filter((object) => survey.indexOf(object) === undefined);
  if (unknown.length > 0)
    throw new SkyloopError(
      "OBJECT_UNKNOWN",
      `survey ${survey.name} has no object ${unknown.slice(0, 5).join(", ")}${unknown.length > 5 ? ` and ${unknown.length - 5} more` : ""}; ids are those of its catalogue`,
    );
}

/** Throws where a box cannot be one of an object that the detector missed: FIELD_UNKNOWN, DRAWN_OUTSIDE, SAME_ID. */
function mustFit(survey: SessionSurvey, object: string, { field, box: [x1, y1, x2, y2] }: DrawnBox): void {
  const size = survey.fieldOf?.(field);
  if (size === undefined)
    throw new SkyloopError(
      "FIELD_UNKNOWN",
      `survey ${survey.name} holds no detections in an image ${field}; boxes are drawn on images that \`skyloop detect\` searched`,
    );
  if (survey.indexOf(object) !== undefined)
    throw new SkyloopError("SAME_ID", `${object} is an object of survey ${survey.name}; give the box another id`);
  if (!(x1 >= 0 && y1 >= 0 && x2 <= size.widthPx && y2 <= size.heightPx))
    throw new SkyloopError(
      "DRAWN_OUTSIDE",
      `box ${x1}, ${y1}, ${x2}, ${y2} leaves image ${field} of ${size.widthPx} x ${size.heightPx} px; edges lie between 0 and these`,
    );
}

/**
 * Starts a session with its examples as the labels of round 0, under a name that none of `elsewhere` has. Throws
 * OBJECT_UNKNOWN, BOTH_LABELS, BAD_OPTION.
 */
export async function createSession(
  store: Store,
  survey: SessionSurvey,
  weightsHash: string,
  wanted: NewSession,
  elsewhere: readonly string[] = [],
): Promise<string> {
  const { who, positive, negative, ...settings } = wanted;
  mustKnow(survey, [...positive, ...negative, ...goldOf(settings).keys()]);
  const both = positive.filter((object) => negative.includes(object));
  if (both.length > 0)
    throw new SkyloopError(
      "BOTH_LABELS",
      `${both.slice(0, 5).join(", ")} cannot be positive and negative at once; take it out of one list`,
    );
  if (settings.prior !== undefined && settings.unlabelled === "always")
    throw new SkyloopError(
      "BAD_OPTION",
      "a search that begins with a detector's scores learns from no unlabelled objects; leave out unlabelled or prior",
    );
  const start = (object: string, value: string): NewEvent => ({
    who,
    round: 0,
    kind: "label",
    object,
    value,
    reason: "start",
    clientKey: null,
  });
  const examples = [
    ...positive.map((object) => start(object, "positive")),
    ...negative.map((object) => start(object, "negative")),
  ];
  const about = { ...settings, survey: survey.name, weightsHash, dataHash: survey.dataHash, createdBy: who };
  return openSession(store, { ...about, returnAfter: RETURN_AFTER }, examples, elsewhere);
}

/**
 * Adds a session with its first events, under a name in addresses that is free and that none of `elsewhere` has: a server
 * of several surveys finds sessions by name. Returns the name.
 */
export async function openSession(
  store: Store,
  about: SessionSettings,
  events: NewEvent[],
  elsewhere: readonly string[] = [],
): Promise<string> {
  const taken = new Set([...(await store.sessions()).map(({ session }) => session), ...elsewhere]);
  const base = slug(about.target);
  for (let n = 1; ; n++) {
    const session = n === 1 ? base : `${base}-${n}`;
    if (taken.has(session)) continue;
    try {
      await store.addSession(session, about, events);
      return session;
    } catch (error) {
      // Somebody else has taken the name in the meantime.
      if (codeOf(error) !== "SESSION_EXISTS") throw error;
    }
  }
}

/** A session's record. Throws SESSION_UNKNOWN. */
export async function findSession(store: Store, session: string): Promise<SessionRecord> {
  const record = await store.session(session);
  if (record === undefined)
    throw new SkyloopError(
      "SESSION_UNKNOWN",
      `no session ${session}; there are ${
        (await store.sessions())
          .map((known) => known.session)
          .slice(0, 8)
          .join(", ") || "none yet"
      }`,
    );
  return record;
}

/** The number of the last round; 0 before the first. */
export function currentRound(rounds: RoundRecord[]): number {
  return rounds.at(-1)?.round ?? 0;
}

/** Seed of a round: the same session and round always choose and learn alike. */
export function roundSeed(record: SessionRecord, round: number): number {
  return new Random(record.seed).fork(`round ${round}`).int(2 ** 31);
}

async function saved(
  store: Store,
  record: SessionRecord,
  events: SessionEvent[],
  who: string,
  objects: Iterable<string>,
): Promise<Saved> {
  const folded = await foldNow(store, record);
  const sees = sightOf(record, folded, who);
  const none = { value: null, tags: [], who, at: events.at(-1)?.at ?? "", round: 0, reason: null };
  return {
    events,
    labels: Object.fromEntries(
      Array.from(objects, (object) => [object, (sees(object) ? folded.labels[object] : null) ?? none]),
    ),
    boxes: boxesSeen(folded, sees),
    conflicts: folded.conflicts.filter(({ object }) => sees(object)),
    rounds: summariseRounds(folded, await store.rounds(record.session), record.alpha),
    canUndo: folded.undoable.has(who),
    canRedo: folded.redoable.has(who),
    lastSeq: folded.lastSeq,
  };
}

const boxesSeen = ({ boxes }: FoldedSession, sees: (object: string) => boolean): Record<string, DrawnBox> =>
  Object.fromEntries(Object.entries(boxes).filter(([object]) => sees(object)));

/**
 * Records labels, tags and drawn objects; when it returns they are on disk. Throws OBJECT_UNKNOWN, NOTHING_TO_SAVE, PAGE_STALE,
 * FIELD_UNKNOWN, DRAWN_OUTSIDE, SAME_ID.
 */
export async function addLabels(
  store: Store,
  survey: SessionSurvey,
  session: string,
  { who, labels, seen }: NewLabels,
): Promise<Saved> {
  const record = await findSession(store, session);
  await mustKnowAll(store, survey, record, labels);
  const rounds = await store.rounds(session);
  const round = currentRound(rounds);
  if (seen !== undefined && seen !== round)
    throw new SkyloopError(
      "PAGE_STALE",
      `these labels were given on the page of round ${seen}, and somebody has gone on to round ${round}; look at that page first`,
    );
  const reasons = new Map((rounds.at(-1)?.picks ?? []).map(({ object, reason }) => [object, reason]));
  const events = labels.flatMap(({ object, box, value, addTag, removeTag, clientKey }): NewEvent[] => {
    const common = { who, round, object, reason: reasons.get(object) ?? ("chosen" as const) };
    const key = (part: string) => (clientKey === undefined ? null : `${clientKey} ${part}`);
    return [
      ...(box === undefined
        ? []
        : [{ ...common, kind: "box" as const, value: JSON.stringify(box), clientKey: key("box") }]),
      ...(value === undefined ? [] : [{ ...common, kind: "label" as const, value, clientKey: key("label") }]),
      ...(addTag === undefined ? [] : [{ ...common, kind: "tag" as const, value: addTag, clientKey: key("tag") }]),
      ...(removeTag === undefined
        ? []
        : [{ ...common, kind: "untag" as const, value: removeTag, clientKey: key("untag") }]),
    ];
  });
  if (events.length === 0)
    throw new SkyloopError("NOTHING_TO_SAVE", "each label needs a value or a tag to add or remove");
  const written = await store.addEvents(session, events);
  return saved(store, record, written, who, new Set(labels.map(({ object }) => object)));
}

/** What is labelled is an object of the survey, or one that was drawn in this session or is being drawn now. */
async function mustKnowAll(
  store: Store,
  survey: SessionSurvey,
  record: SessionRecord,
  labels: NewLabels["labels"],
): Promise<void> {
  const others = labels.filter(({ object }) => survey.indexOf(object) === undefined);
  for (const { object, box } of labels) if (box !== undefined) mustFit(survey, object, box);
  if (others.length === 0) return;
  const drawn = new Set(labels.flatMap(({ object, box }) => (box === undefined ? [] : [object])));
  // One that was taken back may come again, and labels of it may be on their way.
  for (const { kind, object } of await store.events(record.session))
    if (kind === "box" && object !== null) drawn.add(object);
  mustKnow(
    survey,
    others.map(({ object }) => object).filter((object) => !drawn.has(object)),
  );
}

/**
 * Takes back the person's last action in force, or brings back what they took back last. A step whose `clientKey` is
 * known already is answered and not taken again. Throws NOTHING_TO_UNDO, NOTHING_TO_REDO.
 */
export async function stepBack(
  store: Store,
  session: string,
  who: string,
  kind: "undo" | "redo",
  clientKey: string | null = null,
): Promise<Saved> {
  const record = await findSession(store, session);
  let objects: string[] = [];
  // Decided where it is written: of two undos at once, each takes back an action of its own.
  const written = await store.addEvents(session, (before) => {
    const known = clientKey === null ? undefined : before.find((event) => event.clientKey === clientKey);
    if (known !== undefined) {
      objects = concernedBy(before, Number(known.value), who);
      return [known];
    }
    const folded = fold(before, record.alpha);
    const concerned = (kind === "undo" ? folded.undoable : folded.redoable).get(who);
    if (concerned === undefined)
      throw new SkyloopError(
        kind === "undo" ? "NOTHING_TO_UNDO" : "NOTHING_TO_REDO",
        `${who} has nothing left to ${kind} in this session`,
      );
    const event = before.find(({ seq }) => seq === concerned) as SessionEvent;
    objects = concernedBy(before, concerned, who);
    return [{ who, round: event.round, kind, object: event.object, value: String(concerned), reason: null, clientKey }];
  });
  return saved(store, record, written, who, objects);
}

/** The objects of the action that event `seq` belongs to. */
function concernedBy(events: SessionEvent[], seq: number, who: string): string[] {
  const event = events.find((one) => one.seq === seq);
  const action = event === undefined ? null : actionOf(event);
  return events.flatMap((other) =>
    other.seq === seq || (action !== null && other.who === who && actionOf(other) === action)
      ? (other.object ?? [])
      : [],
  );
}

/** Records another alpha, which the next round uses. Throws SESSION_UNKNOWN. */
export async function changeAlpha(store: Store, session: string, who: string, alpha: number): Promise<void> {
  await findSession(store, session);
  await store.addEvents(session, [
    {
      who,
      round: currentRound(await store.rounds(session)),
      kind: "alpha",
      object: null,
      value: String(alpha),
      reason: null,
      clientKey: null,
    },
  ]);
}

const shownTeam = ({ gold: _, ...shown }: Team): ShownTeam => shown;

/** What the page lists. */
export async function describeSession(store: Store, session: string): Promise<Session> {
  return (await stateParts(store, session)).session;
}

async function stateParts(
  store: Store,
  id: string,
): Promise<{ session: Session; folded: FoldedSession; rounds: RoundRecord[]; record: SessionRecord }> {
  const record = await findSession(store, id);
  const rounds = await store.rounds(id);
  const folded = await foldNow(store, record);
  const values = Object.values(folded.labels).map(({ value }) => value);
  const count = (wanted: string) => values.filter((value) => value === wanted).length;
  const { survey, model, target, pageSize, randomPicks, seed, createdAt, createdBy } = record;
  const session = {
    session: id,
    survey,
    model,
    target: folded.name ?? target,
    alpha: folded.alpha,
    pageSize,
    randomPicks,
    seed,
    createdAt,
    createdBy,
    round: currentRound(rounds),
    positives: count("positive"),
    negatives: count("negative"),
    unsure: count("unsure"),
    status: folded.status,
    ...(record.team === undefined ? {} : { team: shownTeam(record.team) }),
    ...(record.prior === undefined ? {} : { prior: record.prior }),
    ...(record.unlabelled === undefined ? {} : { unlabelled: record.unlabelled }),
  };
  return { session, folded, rounds, record };
}

const pageOfRound = ({ round, provisional, exhausted, picks }: RoundRecord): Page => ({
  round,
  provisional,
  exhausted,
  picks,
});

/** All that a page needs to go on after a reload, for one person. */
export async function sessionState(
  store: Store,
  id: string,
  who: string | null,
  ranked: boolean,
): Promise<SessionState> {
  const { session, folded, rounds, record } = await stateParts(store, id);
  const last = rounds.at(-1);
  const sees = sightOf(record, folded, who);
  return {
    ...session,
    labels: record.team === undefined ? folded.labels : seenLabels(folded.labels, sees),
    boxes: boxesSeen(folded, sees),
    conflicts: folded.conflicts.filter(({ object }) => sees(object)),
    page: last === undefined ? null : pageFor(record, folded, pageOfRound(last), who),
    rounds: summariseRounds(folded, rounds, record.alpha),
    canUndo: who !== null && folded.undoable.has(who),
    canRedo: who !== null && folded.redoable.has(who),
    lastSeq: folded.lastSeq,
    ranked,
  };
}
