/** What a detector's false alarms lie on, kind by kind. */
import type { MatchedDetection, Matching } from "./detection.ts";
import { type Share, shareOf } from "./detection-rates.ts";

/** Something in a field that a false alarm may lie on. */
export interface Ground {
  kind: string;
  /** Its middle, 0-based pixels. */
  x: number;
  y: number;
  /** A detection whose middle is that near lies on it, and one whose box holds its middle. */
  reachPx: number;
  /** Of several in reach the first by rank is meant (a magnitude, say), then the nearest. */
  rank: number;
}

/** What is known of one field, and what is said of a false alarm on none of it. */
export interface FieldGrounds {
  grounds: Ground[];
  otherwise: string;
}

/** The false alarms on one kind of object. */
export interface AlarmsOn {
  kind: string;
  /** Of all false alarms those on this kind. */
  alarms: Share;
  /** Of all objects of this kind those with a false alarm; null for what is no object. */
  objects: Share | null;
}

/** The false alarms with at least a score, by what they lie on: most first. */
export interface FalseAlarms {
  score: number;
  alarms: number;
  kinds: AlarmsOn[];
}

/**
 * Index of what lies under a detection among a field's grounds; -1 for none. A box around a galaxy and its neighbour has its middle
 * between the two, so that all in the box counts.
 */
function under({ x1, x2, y1, y2 }: MatchedDetection["detection"], grounds: Ground[]): number {
  const [x, y] = [(x1 + x2 - 1) / 2, (y1 + y2 - 1) / 2];
  const away = (i: number) => Math.hypot(grounds[i].x - x, grounds[i].y - y);
  const isInside = (i: number) =>
    Math.abs(grounds[i].x - x) < (x2 - x1) / 2 && Math.abs(grounds[i].y - y) < (y2 - y1) / 2;
  const inReach = [...grounds.keys()].filter((i) => away(i) <= grounds[i].reachPx || isInside(i));
  return inReach.sort((a, b) => grounds[a].rank - grounds[b].rank || away(a) - away(b))[0] ?? -1;
}

/**
 * The false alarms of a matching with at least this score, counted by what they lie on, with Wilson's intervals. Kinds of
 * which no object carries a false alarm are listed too.
 */
export function falseAlarmsOn({ matched }: Matching, fields: FieldGrounds[], score: number): FalseAlarms {
  const objects = new Map<string, number>();
  for (const { grounds } of fields) for (const { kind } of grounds) objects.set(kind, (objects.get(kind) ?? 0) + 1);
  const alarms = matched.filter((one) => one.truth < 0 && !one.ignored && one.detection.score >= score);
  const onKind = new Map<string, number>();
  const struck = new Map<string, Set<string>>();
  for (const { field, detection } of alarms) {
    const { grounds, otherwise } = fields[field];
    const at = under(detection, grounds);
    const kind = grounds[at]?.kind ?? otherwise;
    onKind.set(kind, (onKind.get(kind) ?? 0) + 1);
    if (at >= 0) struck.set(kind, (struck.get(kind) ?? new Set()).add(`${field} ${at}`));
  }
  const kinds = [...new Set([...objects.keys(), ...onKind.keys()])].map((kind): AlarmsOn => {
    const all = objects.get(kind);
    return {
      kind,
      alarms: shareOf(onKind.get(kind) ?? 0, alarms.length),
      objects: all === undefined ? null : shareOf(struck.get(kind)?.size ?? 0, all),
    };
  });
  const order = (a: AlarmsOn, b: AlarmsOn) => b.alarms.hits - a.alarms.hits || a.kind.localeCompare(b.kind);
  return { score, alarms: alarms.length, kinds: kinds.sort(order) };
}

/**
 * False alarms by what they lie on as a Markdown table: of one list or of several, such as one a score. Kinds on which none lie in any list
 * are named in the last line.
 */
export function alarmTable(lists: FalseAlarms[]): string {
  const order = [...new Set(lists.flatMap(({ kinds }) => kinds.map(({ kind }) => kind)))];
  const of = (list: FalseAlarms, kind: string) => list.kinds.find((one) => one.kind === kind);
  const isStruck = (kind: string) => lists.some((list) => (of(list, kind)?.alarms.hits ?? 0) > 0);
  const none = order.filter((kind) => !isStruck(kind));
  const rows = [
    [
      "lies on",
      ...lists.flatMap(({ score, alarms }) => [`${alarms} at ${shownScore(score)}`, "share of such objects"]),
    ],
    ["---", ...lists.flatMap(() => ["---", "---"])],
    ...order
      .filter(isStruck)
      .map((kind) => [
        kind,
        ...lists.flatMap((list) => [String(of(list, kind)?.alarms.hits ?? 0), shownObjects(of(list, kind)?.objects)]),
      ]),
  ];
  const table = rows.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
  const count = (kind: string) => of(lists[0], kind)?.objects?.tries ?? 0;
  return none.length === 0
    ? table
    : `${table}\n\nNone on ${none.map((kind) => `${kind} (${count(kind)})`).join(", ")}.`;
}

const shownScore = (score: number) => (Number.isFinite(score) ? `score ${+score.toFixed(3)}` : "no score");

/** As `shownShare` has it, no figure of fewer than five; rarer things than detections need a digit more. */
function shownObjects(objects: Share | null | undefined): string {
  if (objects === null || objects === undefined) return "-";
  const { hits, tries, share, interval } = objects;
  const figures = `: ${share.toFixed(3)} [${interval.map((end) => end.toFixed(3)).join(", ")}]`;
  return `${hits} of ${tries}${tries < 5 ? "" : figures}`;
}
