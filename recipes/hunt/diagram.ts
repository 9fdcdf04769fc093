/** The module of a search as a diagram: what a person does, what is kept, what a round does, and what comes back. */
import { escapeText } from "../../src/base/markup.ts";
import { PagePick, RoundSummary, SessionEvent, SessionStatus, StreamMessage } from "../../src/contract/api.ts";

/** Addresses below /api/sessions/:session and what they are for; a test compares them with the server's. */
export const SESSION_ROUTES: Record<string, "does" | "asks"> = {
  "POST labels": "does",
  "POST undo": "does",
  "POST redo": "does",
  "POST alpha": "does",
  "POST rounds": "does",
  "POST change": "does",
  "POST copy": "does",
  "POST import": "does",
  "GET events": "asks",
  "GET stream": "asks",
  "GET ranking": "asks",
  "GET learning": "asks",
  "GET preview": "asks",
  "GET scores": "asks",
  "GET purity": "asks",
  "GET why/:object": "asks",
  "GET rounds/:round": "asks",
  "GET skipped": "asks",
  "GET export": "asks",
  "GET report": "asks",
  "GET agreement": "asks",
  "GET undecided": "asks",
};

interface Box {
  x: number;
  y: number;
  title: string;
  lines: string[];
}

const [WIDTH, LINE, HEAD] = [275, 17, 26];
const heightOf = ({ lines }: Box) => HEAD + lines.length * LINE + 8;

/** A list in lines that fit into a box. */
function wrapped(words: readonly string[], separator = ", "): string[] {
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + separator.length + word.length <= 36)
      lines[lines.length - 1] += separator + word;
    else lines.push(word);
  }
  return lines;
}

function drawBox(box: Box): string {
  const { x, y, title, lines } = box;
  const texts = lines.map(
    (line, i) => `<text x="${x + 10}" y="${y + HEAD + 10 + i * LINE}">${escapeText(line)}</text>`,
  );
  return `<rect x="${x}" y="${y}" width="${WIDTH}" height="${heightOf(box)}" rx="6" fill="#eef3fa" stroke="#5b6b86"/><text x="${x + 10}" y="${y + 18}" font-weight="bold">${escapeText(title)}</text>${texts.join("")}`;
}

/** An arrow with its words beside it. */
function drawArrow([x1, y1]: [number, number], [x2, y2]: [number, number], words: string): string {
  return `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="#172033" stroke-width="1.5" marker-end="url(#tip)"/><text x="${(x1 + x2) / 2 + 6}" y="${(y1 + y2) / 2 - 6}" font-style="italic">${escapeText(words)}</text>`;
}

/** The whole diagram as SVG. */
export function moduleDiagram(): string {
  const routes = (kind: "does" | "asks") =>
    Object.keys(SESSION_ROUTES).filter((route) => SESSION_ROUTES[route] === kind);
  const person: Box = {
    x: 20,
    y: 20,
    title: "A person: page, notebook, program",
    lines: ["does:", ...wrapped(routes("does")), "asks:", ...wrapped(routes("asks"))],
  };
  const store: Box = {
    x: 400,
    y: 20,
    title: "Store: events, only ever appended",
    lines: [
      ...wrapped(SessionEvent.shape.kind.options),
      "each: who, when, round, object, reason",
      `status: ${SessionStatus.options.join(", ")}`,
    ],
  };
  const round: Box = {
    x: 780,
    y: 20,
    title: "A round, from events and seed alone",
    lines: [
      "learn: two layers on frozen features",
      "score: every object of the survey",
      "choose by alpha, P and N of the last:",
      ...wrapped(RoundSummary.shape.mode.options),
      "assess: held-out measures, advice",
    ],
  };
  const features: Box = {
    x: 780,
    y: 290,
    title: "Features, computed once",
    lines: ["an encoder of skyloop model list", "one vector an object, with checksums"],
  };
  const page: Box = {
    x: 400,
    y: 290,
    title: "A page of picks",
    lines: [
      "reasons:",
      ...wrapped(PagePick.shape.reason.options),
      "messages to all who look:",
      ...wrapped(StreamMessage.options.map(({ shape }) => shape.type.value)),
    ],
  };
  const boxes = [person, store, round, features, page];
  const height = Math.max(...boxes.map((box) => box.y + heightOf(box))) + 20;
  const arrows = [
    drawArrow([295, 60], [400, 60], "events"),
    drawArrow([675, 60], [780, 60], "fold"),
    drawArrow([905, 290], [905, 20 + heightOf(round)], "matrix"),
    drawArrow([780, 20 + heightOf(round) - 14], [675, 310], "picks"),
    drawArrow([400, 350], [150, 20 + heightOf(person)], "stream"),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" width="1075" height="${height}" viewBox="0 0 1075 ${height}" font-family="sans-serif" font-size="12" fill="#172033"><defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0 8 4 0 8z"/></marker></defs><rect width="100%" height="100%" fill="#fff"/>${[...arrows, ...boxes.map(drawBox)].join("\n")}</svg>\n`;
}
