/** A session as one HTML file with its pictures inside, to send to a colleague or put beside a paper. */

import type { RankedRow, RoundSummary } from "../contract/api.ts";
import type { Assessment, RankingFilter } from "../contract/insight.ts";
import { advise } from "../loop/assess.ts";
import { allAnswered } from "../loop/learning.ts";
import { rankingRequest } from "../loop/ranking.ts";
import { sessionState } from "../loop/session.ts";
import { html, htmlPage, type Markup, raw } from "../plot/html.ts";
import type { Desk } from "./desk.ts";
import type { Pictures } from "./pictures.ts";
import type { ServedSurvey } from "./workspace.ts";

const PICTURE_PX = 96;

const percent = (share: number | null) => (share === null ? "–" : `${Math.round(100 * share)} %`);

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
  const figure = async (row: RankedRow) => {
    const at = survey.indexOf(row.object);
    const picture =
      at === undefined
        ? ""
        : `data:image/webp;base64,${(await pictures.get(served, at, PICTURE_PX)).toString("base64")}`;
    const position =
      row.raDeg === null || row.decDeg === null ? null : html`<br>${row.raDeg.toFixed(4)} ${row.decDeg.toFixed(4)}`;
    return html`<figure class="${row.label}"><img src="${raw(picture)}" alt=""><figcaption>${row.rank}. ${row.object}<br>${row.score.toFixed(3)} ${row.label}${position}</figcaption></figure>`;
  };
  const grid = async (list: RankedRow[]) => html`<div class="grid">${await Promise.all(list.map(figure))}</div>`;
  const people = [...new Set(Object.values(state.labels).map(({ who }) => who))].sort();
  return htmlPage(
    `${state.target}: Skyloop`,
    html`<h1>${state.target}</h1>
<p class="soft">Survey ${survey.header.title} (${survey.count.toLocaleString("en-US")} objects, data ${survey.header.dataHash.slice(0, 12)}), features of ${state.model}, alpha ${state.alpha}, seed ${state.seed}${state.unlabelled === "always" ? ", unlabelled objects always among the negatives" : ""}. Labelled by ${people.join(", ") || state.createdBy}; started ${state.createdAt.slice(0, 10)}.</p>
<p>${state.positives} positive, ${state.negatives} negative, ${state.unsure} unsure. ${statements(assessments.at(-1))}</p>
<p>${advise(state.rounds, assessments, allAnswered(state)).reason}</p>
<h2>Rounds</h2>
<table class="texts"><thead><tr><th>Round</th><th>Shown</th><th>Alpha</th><th>Positive</th><th>Negative</th><th>Precision (95 %)</th><th>Random picks</th></tr></thead><tbody>${state.rounds.map(roundRow)}</tbody></table>
<h2>Labelled positive</h2>
${positives.length === 0 ? html`<p>None.</p>` : await grid(positives)}
<h2>First ${rows.length} of the ranking</h2>
${await grid(rows)}`,
  );
}

function roundRow(round: RoundSummary): Markup {
  const precision =
    round.precision === null
      ? percent(null)
      : `${percent(round.precision)} (${percent(round.precisionLow)} to ${percent(round.precisionHigh)})`;
  return html`<tr><td>${round.round === 0 ? "start" : round.round}</td><td>${round.mode === "start" ? "examples" : round.mode}</td><td>${round.alpha}</td><td>${round.positives}</td><td>${round.negatives}</td><td>${precision}</td><td>${round.randomShown === 0 ? "–" : `${round.randomPositives} of ${round.randomShown}`}</td></tr>`;
}

/** What the last assessment lets one say of the whole survey, with intervals. */
function statements(last: Assessment | undefined): string {
  const { expected, randomPicks } = last ?? {};
  if (!expected) return "";
  return `Expected in the whole survey: ${Math.round(expected.low)} to ${Math.round(expected.high)} positives (95 % interval, from ${randomPicks} random picks).`;
}
