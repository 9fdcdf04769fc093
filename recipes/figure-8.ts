/**
 * Figure 8 of the paper: the module through which a person and the models talk, drawn from the program's own kinds of
 * events, messages, reasons and addresses.
 *
 * Command: bin/skyloop recipe figure-8 [--out reports/figure-8]
 * Time: a second.
 * Expected: figure-8.svg and figure-8.webp; a test compares the addresses with those of the server.
 */
import { parseArgs } from "node:util";
import { writeFigure } from "./common/sheets.ts";
import { moduleDiagram } from "./hunt/diagram.ts";

const { values: flags } = parseArgs({
  options: {
    out: { type: "string", default: "reports/figure-8" },
  },
});
process.stdout.write(`${await writeFigure(flags.out, "figure-8", moduleDiagram())}\n`);
