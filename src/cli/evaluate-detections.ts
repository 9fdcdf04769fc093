import type { Command } from "commander";
import type { FieldMeasures } from "../evaluate/detections.ts";
import type { Share } from "../measure/detection-rates.ts";
import type { FalseAlarms } from "../measure/false-alarms.ts";
import { real } from "./numbers.ts";

const shown = (value: number | null) => (value === null ? "-" : value.toFixed(3));

/** From here on the last bin of a measure has no end. */
const OPEN = 1e9;

/** False alarms a field by the area on the sky, where that is known. */
const perArea = (rate: number, squareArcmin: number | null) =>
  squareArcmin === null
    ? ""
    : ` (${(rate / squareArcmin).toPrecision(2)}, ${((3600 * rate) / squareArcmin).toPrecision(2)})`;

/** The measures of one class as text. */
function describe(
  measures: FieldMeasures,
  shownShare: (share: Share) => string,
  alarmTable: (lists: FalseAlarms[]) => string,
): string {
  const { box, mask, threshold, purity, completeness, fieldSquareArcmin, falseAlarms } = measures;
  const coco = ({ ap, ap50, ap75, recall }: FieldMeasures["box"]) =>
    `AP50 ${shown(ap50)}, AP75 ${shown(ap75)}, AP[.5:.95] ${shown(ap)}, mean recall ${shown(recall)}`;
  return [
    `${measures.class}: ${measures.objects} objects in ${measures.fields} fields`,
    `  boxes  ${coco(box)} (AP50 +- ${shown(measures.ap50Error)} over draws of the fields)`,
    ...(mask === null ? [] : [`  masks  ${coco(mask)}`]),
    `  at score ${threshold}: purity ${shownShare(purity)} of ${purity.tries}, completeness ${shownShare(completeness)}`,
    `  false alarms a field${fieldSquareArcmin === null ? "" : " (a square arcmin, a square degree)"}: completeness`,
    ...measures.froc.map(
      ({ rate, score, completeness: share }) =>
        `    ${String(rate).padEnd(5)}${perArea(rate, fieldSquareArcmin)} ${shownShare(share)} at score ${score.toFixed(3)}`,
    ),
    ...measures.completenessBy.flatMap(({ title, bins }) => [
      `  completeness by ${title}`,
      ...bins
        .filter(({ tries }) => tries > 0)
        .map(
          (bin) =>
            `    ${bin.to < OPEN ? `${bin.from}-${bin.to}` : `${bin.from} and more`}: ${shownShare(bin)} of ${bin.tries}`,
        ),
    ]),
    ...(falseAlarms === null
      ? []
      : ["  false alarms by what they lie on, at the score and at 0.1 a field", "", alarmTable(falseAlarms)]),
    "",
  ].join("\n");
}

/** `skyloop evaluate detections DIR FIELDS`. */
export function addEvaluateDetections(evaluate: Command): void {
  evaluate
    .command("detections")
    .argument("<detections>", "folder of `skyloop detect`, or a file of COCO's results")
    .argument("<fields>", "folder of the same images with annotations.json")
    .description("COCO's average precision, completeness at rates of false alarms, purity; by what the objects are")
    .option("--classes <names>", "only these classes, separated by commas")
    .option("--any-class", "every detection and every object count as one class: for sources without classes", false)
    .option("--threshold <score>", "score of purity and completeness", real("--threshold", 0, 1), 0.5)
    .option(
      "--background-labels <table>",
      "of painted fields: file (or id) and label of each background, to tell what false alarms lie on",
    )
    .option("--json", "one JSON object", false)
    .action(
      async (
        detections: string,
        fields: string,
        flags: { classes?: string; anyClass: boolean; threshold: number; backgroundLabels?: string; json: boolean },
      ) => {
        const [{ evaluateDetections }, { shownShare }, { alarmTable }] = await Promise.all([
          import("../evaluate/detections.ts"),
          import("../measure/detection-rates.ts"),
          import("../measure/false-alarms.ts"),
        ]);
        const measures = await evaluateDetections(detections, fields, {
          ...flags,
          classes: flags.classes?.split(",").map((name) => name.trim()),
        });
        process.stdout.write(
          flags.json
            ? `${JSON.stringify(measures)}\n`
            : measures.map((one) => describe(one, shownShare, alarmTable)).join(""),
        );
      },
    );
}
