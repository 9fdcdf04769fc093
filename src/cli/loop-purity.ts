import type { Command } from "commander";
import type { PurityByScore, SessionPurity } from "../loop/purity.ts";
import { surveyOfSession } from "./loop-sessions.ts";
import { real } from "./numbers.ts";

interface PurityFlags {
  survey?: string;
  purity?: number;
  out?: string;
  curve?: string;
  json: boolean;
}

/** `skyloop loop purity SESSION`: what the verdicts on a detector's candidates say of its scores. */
export function addLoopPurityCommand(loop: Command): void {
  loop
    .command("purity")
    .argument("<session>", "session in which candidates were looked through, as listed by `loop list`")
    .description("of a detector's candidates: purity by its score as verdicts say, and which score to cut at")
    .option("--survey <folder>", "folder of the detections (default: searched in this folder and in surveys/)")
    .option("--purity <p>", "purity to cut at, from 0 to 1 (default: 0.5, 0.8 and 0.9)", real("--purity", 0, 1))
    .option("--out <file>", "also write id, score, probability and verdict of every candidate as CSV")
    .option("--curve <file>", "also write the curve of probability by score as JSON, for `skyloop detect --curve`")
    .option("--json", "one JSON object", false)
    .action(async (session: string, { survey, purity, out, curve, json }: PurityFlags) => {
      const [{ purityOf }, { writeTable }, { shownShare }] = await Promise.all([
        import("../loop/purity.ts"),
        import("../survey/catalogue.ts"),
        import("../measure/detection-rates.ts"),
      ]);
      const folder = await surveyOfSession(session, survey);
      const found = await purityOf(folder, session, purity === undefined ? [0.5, 0.8, 0.9] : [purity]);
      if (out !== undefined)
        await writeTable(
          out,
          "csv",
          [
            { name: "id", type: "string" },
            { name: "score", type: "number" },
            { name: "probability", type: "number" },
            { name: "verdict", type: "string" },
          ],
          found.candidates.map((one) => ({
            ...one,
            verdict: one.real === null ? "" : one.real ? "positive" : "negative",
          })),
        );
      if (curve !== undefined) await saveCurve(curve, folder, session, found);
      process.stdout.write(json ? `${JSON.stringify(found)}\n` : describe(session, found, shownShare));
    });
}

/** Throws NO_CURVE, DETECTOR_UNKNOWN. */
async function saveCurve(path: string, folder: string, session: string, found: SessionPurity): Promise<void> {
  const [{ readDetector, writeCurve }, { SkyloopError }] = await Promise.all([
    import("../survey/purity-curve.ts"),
    import("../base/errors.ts"),
  ]);
  const { curve, lacks, looked, positives, leastLooked, checkCandidates } = found;
  if (!checkCandidates)
    throw new SkyloopError(
      "NO_CURVE",
      `${session} looks for something else among the candidates than for what is real; look through them with Check the candidates on the page. ${path} was not written`,
    );
  if (curve === null || leastLooked === null)
    throw new SkyloopError("NO_CURVE", `${lacks} Look through more candidates of ${session}; ${path} was not written`);
  const verdicts = { looked, positives };
  writeCurve(path, { detector: readDetector(folder), session, detections: folder, verdicts, leastLooked, ...curve });
}

function describe(
  session: string,
  { candidates, looked, bins, lacks, leastLooked, cuts }: PurityByScore,
  shownShare: (share: PurityByScore["bins"][number]) => string,
): string {
  const rows = bins
    .filter((bin) => bin.candidates > 0)
    .toReversed()
    .map(
      (bin) =>
        `  ${`${bin.from}-${bin.to}`.padEnd(8)} ${String(bin.candidates).padStart(10)} ${String(bin.tries).padStart(9)}  ${shownShare(bin)}`,
    );
  const wanted = (cuts ?? []).map(({ purity, score, candidates: count }) =>
    score === null
      ? `  no score has purity ${purity}`
      : `  purity ${purity}: --threshold ${score.toFixed(3)}, ${count} candidates${score < (leastLooked ?? 0) ? " (some of them below all that was looked at)" : ""}`,
  );
  return [
    `${session}: ${looked} of ${candidates.length} candidates were looked at`,
    "  score    candidates looked at  purity [95 %]",
    ...rows,
    ...(cuts === null
      ? [`  ${lacks}`]
      : ["by the verdicts, and a curve through them where there are none:", ...wanted]),
    "",
  ].join("\n");
}
