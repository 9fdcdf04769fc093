/**
 * A team of five labels 200 times under a blind search with few objects in common: what does it teach the learner to know
 * who is right how often?
 *
 * Command: bin/skyloop recipe team [--data ../shared/data] [--seeds 20] [--work runs/team]
 * Time: 4 minutes on two busy cores without GPU, after the features of EFIGI.
 * Expected: Dawid and Skene's model with its weights gains 0.02 to 0.03 in AUPR over the majority, the share of the majority
 * nothing (of two answers it is all or even); the person who always says yes is found in every search
 * (docs/results/team.md, 12 seeds).
 */
import { parseArgs } from "node:util";
import { terminalProgress } from "../src/base/progress.ts";
import { Random } from "../src/base/random.ts";
import type { SessionEvent } from "../src/contract/api.ts";
import { Team } from "../src/contract/team.ts";
import { drawExamples } from "../src/evaluate/probe.ts";
import { labelledObjects, splitGroups } from "../src/evaluate/probe-data.ts";
import { jointFeatures } from "../src/evaluate/probe-features.ts";
import { agreementOf } from "../src/loop/agreement.ts";
import { fold } from "../src/loop/fold.ts";
import { type Example, featureSpace } from "../src/loop/learn.ts";
import { consensusOf } from "../src/loop/team.ts";
import { openSurvey } from "../src/survey/folder.ts";
import { embedSurvey } from "../src/tasks/embed/embed.ts";
import { learnedAupr } from "./common/aupr.ts";
import { publicSurvey } from "./common/surveys.ts";
import { markdown, shown, spread } from "./common/tables.ts";

/** How often each is right; the last always says yes. */
const PEOPLE: Record<string, number> = { ann: 0.95, bo: 0.9, cy: 0.85, di: 0.7, ed: Number.NaN };
const ANSWERS = 200;
const GOLD = 12;

const { values: flags } = parseArgs({
  options: {
    data: { type: "string", default: "../shared/data" },
    work: { type: "string", default: "runs/team" },
    seeds: { type: "string", default: "20" },
  },
});
const seeds = Number(flags.seeds);
const folder = await publicSurvey(flags.data, flags.work, "efigi");
await embedSurvey(folder, { model: "lvm-nano", progress: terminalProgress("features of efigi", "stamps") });
const survey = await openSurvey(folder);
const { objects } = await labelledObjects([survey], ["Bar_Length"], ["0.5", "0.75", "1"], ["0"]);
const { data, dim } = await jointFeatures([survey], "lvm-nano");
survey.close();
const space = featureSpace(data, dim);
const { train, validation } = splitGroups(objects, 1);
const truth = new Map(train.map(({ row, label }) => [String(row), label === 1]));

const measured = (examples: Example[], seed: number) => learnedAupr(space, examples, validation, seed);

/** The answers of the team to objects drawn at random, half of each kind, a share of them given to two people. */
function labelled(seed: number, overlap: number) {
  const random = new Random(seed).fork("team");
  const drawn = drawExamples(train, 2, ANSWERS / 2 + GOLD, seed).map(({ row }) => String(row));
  const order = random.sample(drawn.length, drawn.length).map((i) => drawn[i]);
  const goldIds = order.splice(0, GOLD);
  const names = Object.keys(PEOPLE);
  const events: SessionEvent[] = [];
  const say = (who: string, object: string) => {
    const real = truth.get(object) === true;
    const yes = Number.isNaN(PEOPLE[who]) || (random.next() < PEOPLE[who] ? real : !real);
    const seq = events.length + 1;
    const at = new Date(seq * 1000).toISOString();
    const common = { seq, at, who, round: 1, kind: "label" as const, object, reason: "highest" as const };
    events.push({ ...common, value: yes ? "positive" : "negative", clientKey: null });
  };
  for (const who of names) for (const object of goldIds) say(who, object);
  for (let i = 0; events.length < ANSWERS + GOLD * names.length; i++)
    for (let k = 0; k < (random.next() < overlap ? 2 : 1); k++) say(names[(i + k) % names.length], order[i]);
  const gold = { positive: goldIds.filter((id) => truth.get(id)), negative: goldIds.filter((id) => !truth.get(id)) };
  return { folded: fold(events, 0.5), gold, given: new Set(events.map(({ object }) => object as string)) };
}

const rows: string[][] = [];
for (const overlap of [0.1, 0.5]) {
  const found: Record<string, number[]> = {};
  const flagged: Record<string, number> = Object.fromEntries(Object.keys(PEOPLE).map((who) => [who, 0]));
  for (let seed = 1; seed <= seeds; seed++) {
    const { folded, gold, given } = labelled(seed, overlap);
    const record = (weights: "majority" | "dawid-skene") => ({
      ...{ session: "t", createdAt: "", survey: "efigi", model: "lvm-nano", weightsHash: "", dataHash: "", target: "" },
      ...{ alpha: 0.5, pageSize: 20, randomPicks: 2, seed, createdBy: "ann" },
      team: Team.parse({ mode: "blind", overlap, weights, gold }),
    });
    const agreed = (weights: "majority" | "dawid-skene", weigh: boolean): Example[] =>
      [...consensusOf(folded, record(weights))].map(([object, { positive, weight }]) => ({
        row: Number(object),
        positive,
        ...(weigh ? { weight } : {}),
      }));
    const latest = Object.entries(folded.labels).map(([object, { value }]) => ({
      row: Number(object),
      positive: value === "positive",
    }));
    const right = [...given].map((object) => ({ row: Number(object), positive: truth.get(object) === true }));
    const ways: Record<string, Example[]> = {
      "latest label of an object": latest,
      "majority, each object alike": agreed("majority", false),
      "majority, weighed by its share": agreed("majority", true),
      "Dawid and Skene, each object alike": agreed("dawid-skene", false),
      "Dawid and Skene, weighed": agreed("dawid-skene", true),
      "everybody right": right,
    };
    for (const [name, examples] of Object.entries(ways)) {
      found[name] ??= [];
      found[name].push(measured(examples, seed));
    }
    for (const { who, flags } of agreementOf(record("majority"), folded).people) if (flags.length > 0) flagged[who]++;
  }
  const base = found["majority, each object alike"];
  for (const [name, values] of Object.entries(found)) {
    const gain = spread(values.map((value, i) => value - base[i]));
    rows.push([String(overlap), name, shown(spread(values), 3), shown(gain, 3)]);
  }
  const counts = Object.entries(flagged).map(([who, count]) => `${who} ${count}`);
  rows.push([
    String(overlap),
    `flagged within ${ANSWERS / 5 + GOLD} answers, of ${seeds} searches`,
    counts.join(", "),
    "",
  ]);
}
const positives = validation.filter(({ label }) => label === 1).length;
process.stdout.write(
  `${markdown(["overlap", "learned from", "AUPR", "more than the majority"], rows)}\n\nBars in EFIGI, features of lvm-nano; ${ANSWERS} answers of five people who are right with 0.95, 0.9, 0.85, 0.7\nand one who always says yes, and ${GOLD} gold objects; measured on ${validation.length} held-out objects, ${((100 * positives) / validation.length).toFixed(0)} % positive; ${seeds} seeds.\n`,
);
