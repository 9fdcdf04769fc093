/** Who agrees with whom in a session, and whose answers somebody should look at. */
import type { Agreement, PersonAgreement } from "../contract/team.ts";
import { cohenKappa, type Pair } from "../measure/agreement.ts";
import { binomialTail } from "../measure/binomial.ts";
import type { SessionRecord, Store } from "../store/store.ts";
import type { FoldedSession } from "./fold.ts";
import { foldNow } from "./folds.ts";
import { findSession } from "./session.ts";
import { goldOf } from "./team.ts";

/** Over less than a minute a rate says nothing. */
const LEAST_HOURS = 1 / 60;
/** Below so many objects a kappa says nothing. */
const LEAST = 20;
/** What is less probable than this in an attentive person is said. */
const STRANGE = 0.01;
/** An attentive person errs at most so often, on either kind. */
const ERRS = 0.3;

/** Each person's yes (true) and no by object; the examples of the start are nobody's answers to a page. */
type Answers = Map<string, Map<string, boolean>>;

function answersOf({ answers }: Pick<FoldedSession, "answers">): Answers {
  const people: Answers = new Map();
  for (const [object, held] of answers)
    for (const { who, value, reason } of held) {
      if (reason === "start" || (value !== "positive" && value !== "negative")) continue;
      const own = people.get(who) ?? new Map<string, boolean>();
      people.set(who, own.set(object, value === "positive"));
    }
  return people;
}

/** What most of the others say of an object; null where nobody does or as many say yes as no. */
function othersSay(people: Answers, who: string, object: string): boolean | null {
  const said = [...people].flatMap(([other, own]) => (other === who ? [] : (own.get(object) ?? [])));
  const yes = said.filter(Boolean).length;
  return 2 * yes === said.length ? null : 2 * yes > said.length;
}

/** Per person: labels, agreement, gold, and why to look; per pair: kappa. Throws SESSION_UNKNOWN. */
export async function agreementIn(store: Store, session: string): Promise<Agreement> {
  const record = await findSession(store, session);
  const folded = await foldNow(store, record);
  return agreementOf(record, folded);
}

/** The same from a folded session. */
export function agreementOf(
  record: Pick<SessionRecord, "team">,
  folded: Pick<FoldedSession, "answers" | "conflicts">,
): Agreement {
  const people = answersOf(folded);
  const names = [...people.keys()].sort();
  const both = (one: string, other: string): Pair[] =>
    [...(people.get(one) as Map<string, boolean>)].flatMap(([object, yes]) => {
      const theirs = people.get(other)?.get(object);
      return theirs === undefined ? [] : [[yes, theirs] as const];
    });
  const pairs = names.flatMap((one, i) =>
    names.slice(i + 1).flatMap((other) => {
      const shared = both(one, other);
      return shared.length < LEAST ? [] : [{ one, other, ...cohenKappa(shared) }];
    }),
  );
  const gold = goldOf(record);
  return {
    people: names.map((who) => person(who, people, folded, gold)),
    pairs: pairs.filter(({ kappa }) => !Number.isNaN(kappa)),
    conflicts: folded.conflicts.length,
  };
}

function person(
  who: string,
  people: Answers,
  { answers }: Pick<FoldedSession, "answers">,
  gold: Map<string, boolean>,
): PersonAgreement {
  const own = people.get(who) as Map<string, boolean>;
  const held = [...answers.values()].flat().filter((one) => one.who === who && one.reason !== "start");
  const times = held.map(({ at }) => Date.parse(at)).sort((a, b) => a - b);
  const hours = times.length < 2 ? 0 : ((times.at(-1) as number) - times[0]) / 3.6e6;
  const yes = [...own.values()].filter(Boolean).length;
  const compared = [...own].flatMap(([object, said]) => {
    const others = gold.has(object) ? null : othersSay(people, who, object);
    return others === null ? [] : [[said, others] as Pair];
  });
  const known = [...own].flatMap(([object, said]) => {
    const right = gold.get(object);
    return right === undefined ? [] : [[said, right] as Pair];
  });
  const count = (list: Pair[], said: boolean, right: boolean) =>
    list.filter(([a, b]) => a === said && b === right).length;
  const kappa = compared.length < LEAST ? null : cohenKappa(compared);
  return {
    who,
    labels: held.length,
    yes,
    no: own.size - yes,
    unsure: held.length - own.size,
    perHour: hours < LEAST_HOURS ? null : held.length / hours,
    others: kappa === null || Number.isNaN(kappa.kappa) ? null : kappa,
    gold: {
      yesRight: count(known, true, true),
      yesWrong: count(known, true, false),
      noRight: count(known, false, false),
      noWrong: count(known, false, true),
    },
    flags: flagsOf(who, people, [...known, ...compared]),
  };
}

/** Sentences on what an attentive person would hardly do. `judged`: what was said, and what is known or others say. */
function flagsOf(who: string, people: Answers, judged: Pair[]): string[] {
  const own = [...(people.get(who) as Map<string, boolean>).values()];
  const rest = [...people].flatMap(([other, answers]) => (other === who ? [] : [...answers.values()]));
  const flags: string[] = [];
  for (const [word, side] of [
    ["yes", true],
    ["no", false],
  ] as const) {
    const same = own.filter((answer) => answer === side).length;
    // One answer of either kind more, so that a few others prove nothing.
    const usual = (rest.filter((answer) => answer === side).length + 1) / (rest.length + 2);
    if (rest.length > 0 && same === own.length && usual ** own.length < STRANGE)
      flags.push(
        `says ${word} to everything (${own.length} of ${own.length}); others say it to ${Math.round(100 * usual)} %`,
      );
    const wrong = judged.filter(([said, right]) => said === side && right !== side).length;
    const asked = judged.filter(([, right]) => right !== side).length;
    if (binomialTail(wrong, asked, ERRS) < STRANGE)
      flags.push(`says ${word} to ${wrong} of ${asked} objects that are known, or that others hold, to be otherwise`);
  }
  return flags;
}
