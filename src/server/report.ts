/** A session as one HTML file with its pictures inside, to send to a colleague or put beside a paper. */

import type { RankedRow } from "../contract/api.ts";
import type { RankingFilter } from "../contract/insight.ts";
import { advise } from "../loop/assess.ts";
import { allAnswered } from "../loop/learning.ts";
import { rankingRequest } from "../loop/ranking.ts";
import { sessionState } from "../loop/session.ts";
import type { Desk } from "./desk.ts";
import type { Pictures } from "./pictures.ts";
import type { ServedSurvey } from "./workspace.ts";

const PICTURE_PX = 96;

const escaped = (text: string) => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
const percent = (share: number | null) => (share === null ? "–" : `${Math.round(100 * share)} %`);

const STYLE = `body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:1100px;padding:0 1rem;background:#fff;color:#172033}
h1{margin:0}h2{margin:2rem 0 .5rem}.soft{color:#505c75}table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:.25rem .9rem .25rem 0;border-bottom:1px solid #cfd5e3}.grid{display:flex;flex-wrap:wrap;gap:10px}
figure{margin:0;width:${PICTURE_PX}px;font-size:12px;color:#505c75}figure img{display:block;background:#000;border-radius:4px;width:${PICTURE_PX}px;height:${PICTURE_PX}px}
figcaption{overflow-wrap:anywhere}.positive img{outline:3px solid #11703b}.negative img{outline:3px solid #b3261e}`;

/**
 * The report of a session: what was looked for, how it went round by round, what was found, and the first `top` of the
 * ranking.
 */
export async function writeReport(
  served: ServedSurvey,
  session: string,
  { pictures, desk }: { pictures: Pictures; desk: Desk },
  top: number,
): Promise<string> {
  const { survey, store, artefacts } = served;
  const state = await sessionState(store, session, null, (await artefacts.scoredRound(session)) > 0);
  const first = async (filter: RankingFilter): Promise<RankedRow[]> => {
    const request = await rankingRequest(store, session, filter);
    return (await desk.ranking(survey, { request, offset: 0, limit: top })).rows;
  };
  const rows = await first({ order: "score" });
  const positives = await first({ order: "score", label: "positive" });
  const assessments = await artefacts.assessments(session);
  const last = assessments.at(-1);
  const figure = async (row: RankedRow) => {
    const at = survey.indexOf(row.object);
    const picture =
      at === undefined
        ? ""
        : `data:image/webp;base64,${(await pictures.get(served, at, PICTURE_PX)).toString("base64")}`;
    const position =
      row.raDeg === null || row.decDeg === null ? "" : `<br>${row.raDeg.toFixed(4)} ${row.decDeg.toFixed(4)}`;
    return `<figure class="${escaped(row.label ?? "")}"><img src="${picture}" alt=""><figcaption>${row.rank}. ${escaped(row.object)}<br>${row.score.toFixed(3)}${row.label === null ? "" : ` ${escaped(row.label)}`}${position}</figcaption></figure>`;
  };
  const grid = async (list: RankedRow[]) =>
    `<div class="grid">${(await Promise.all(list.map(figure))).join("\n")}</div>`;
  const expected = last?.expected ?? null;
  const people = [...new Set(Object.values(state.labels).map(({ who }) => who))].sort();
  const rounds = state.rounds.map(
    (round) =>
      `<tr><td>${round.round === 0 ? "start" : round.round}</td><td>${round.mode === "start" ? "examples" : escaped(round.mode)}</td><td>${escaped(String(round.alpha))}</td><td>${round.positives}</td><td>${round.negatives}</td><td>${percent(round.precision)}${round.precision === null ? "" : ` (${percent(round.precisionLow)} to ${percent(round.precisionHigh)})`}</td><td>${round.randomShown === 0 ? "–" : `${round.randomPositives} of ${round.randomShown}`}</td></tr>`,
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escaped(state.target)}: Skyloop</title><style>${STYLE}</style></head><body>
<h1>${escaped(state.target)}</h1>
<p class="soft">Survey ${escaped(survey.header.title)} (${survey.count.toLocaleString("en-US")} objects, data ${escaped(survey.header.dataHash.slice(0, 12))}), features of ${escaped(state.model)}, alpha ${escaped(String(state.alpha))}, seed ${escaped(String(state.seed))}. Labelled by ${escaped(people.join(", ") || state.createdBy)}; started ${escaped(state.createdAt.slice(0, 10))}.</p>
<p>${state.positives} positive, ${state.negatives} negative, ${state.unsure} unsure. ${expected === null ? "" : `Expected in the whole survey: ${Math.round(expected.low)} to ${Math.round(expected.high)} positives (95 % interval, from ${last?.randomPicks} random picks). `}${last?.heldOut == null ? "" : `Held-out average precision on the answered objects ${last.heldOut.averagePrecision.value.toFixed(2)} (${last.heldOut.averagePrecision.low.toFixed(2)} to ${last.heldOut.averagePrecision.high.toFixed(2)}).`}</p>
<p>${escaped(advise(state.rounds, assessments, allAnswered(state)).reason)}</p>
<h2>Rounds</h2>
<table><thead><tr><th>Round</th><th>Shown</th><th>Alpha</th><th>Positive</th><th>Negative</th><th>Precision (95 %)</th><th>Random picks</th></tr></thead><tbody>${rounds.join("")}</tbody></table>
<h2>Labelled positive</h2>
${positives.length === 0 ? "<p>None.</p>" : await grid(positives)}
<h2>First ${rows.length} of the ranking</h2>
${await grid(rows)}
</body></html>
`;
}
