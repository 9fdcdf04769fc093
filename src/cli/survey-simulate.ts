import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Command, Option } from "commander";
import { SkyloopError } from "../base/errors.ts";
import { SEEDS, whole } from "./numbers.ts";
import { readShard } from "./shards.ts";

interface Options {
  count: number;
  seed: number;
  size?: number;
  workers?: number;
  keep: "f32" | "webp" | "none";
  shares?: Record<string, number>;
  radius?: [number, number];
  shard?: { part: number; of: number };
  scenes?: number;
  backgrounds?: string;
  backgroundRange?: [number, number];
  contactSheet?: string;
  overwrite: boolean;
  discardLabels: boolean;
}

/** `spiral=0.3,lens=0.001` as numbers by name. */
function readShares(text: string): Record<string, number> {
  return Object.fromEntries(
    text.split(",").map((pair) => {
      const [name, share, ...rest] = pair.split("=");
      if (share === undefined || share.trim() === "" || rest.length > 0)
        throw new SkyloopError("BAD_OPTION", `--shares is a list such as spiral=0.3,lens=0.001, not ${text}`);
      return [name.trim(), Number(share)];
    }),
  );
}

function readRange(text: string): [number, number] {
  const [from, to] = text.split(":").map(Number);
  if (!(Number.isInteger(from) && Number.isInteger(to) && from >= 1 && to >= from))
    throw new SkyloopError("BAD_OPTION", `--background-range is FROM:TO, whole numbers from 1, not ${text}`);
  return [from, to];
}

function readRadius(text: string): [number, number] {
  const [low, high] = text.split(":").map(Number);
  return [low, high ?? low];
}

const flagOf = (name: string) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/**
 * A picture as the page shows it, for surveys that keep no flux. WebP halves the side of the colours: how that is done
 * (`smartSubsample`) is what features of noisy stamps see most, at 8 % more bytes.
 */
async function pictureOf(data: Float32Array, sizePx: number): Promise<Uint8Array> {
  const [{ default: sharp }, { renderRgb8 }] = await Promise.all([import("sharp"), import("../stamps/render.ts")]);
  const stamp = { kind: "flux", bands: ["g", "r", "z"], unit: "nanomaggy", widthPx: sizePx, heightPx: sizePx } as const;
  const rgb = renderRgb8({ ...stamp, bands: [...stamp.bands], data });
  return sharp(rgb, { raw: { width: sizePx, height: sizePx, channels: 3 } })
    .webp({ quality: 90, effort: 4, smartSubsample: true })
    .toBuffer();
}

async function makeScenes(out: string, scenes: number, options: Options): Promise<void> {
  const { seed, size, workers, backgrounds, backgroundRange = null } = options;
  const [{ simulateScenes }, { lensPainter }, { terminalProgress }] = await Promise.all([
    import("../survey/simulate/scenes.ts"),
    import("../stamps/paint-lenses.ts"),
    import("../base/progress.ts"),
  ]);
  const painting = { seed, sizePx: size ?? 256, range: backgroundRange };
  const onto = backgrounds === undefined ? undefined : lensPainter({ ...painting, folder: backgrounds });
  const { fields, objects } = await simulateScenes(out, {
    scenes,
    seed,
    sizePx: size,
    workers,
    onto,
    progress: terminalProgress("simulating", "fields"),
    command: process.argv.slice(2).join(" "),
  });
  const counts = Object.entries(objects).flatMap(([name, count]) => (count > 0 ? [`${count} ${name}`] : []));
  process.stdout.write(
    `${out}: ${fields} fields with ${counts.join(", ") || "nothing"}; annotations.json, truth.parquet\n`,
  );
}

/** `skyloop survey simulate OUT` and `skyloop survey sheet SURVEY FILE`. */
export function addSimulateCommand(survey: Command): void {
  survey
    .command("simulate")
    .argument("<out>", "folder of the new survey")
    .description("simulate galaxies with known parameters as the Legacy Surveys would see them; a stopped run resumes")
    .option("--count <n>", "number of galaxies", whole("--count", 1, 1e7), 2000)
    .option("--seed <n>", "seed: the same one gives the same survey", whole("--seed", 0, SEEDS), 1)
    .option(
      "--size <px>",
      "side of the stamps (default: 128), or of the fields (default: 256)",
      whole("--size", 16, 4096),
    )
    .option(
      "--scenes <n>",
      "wide fields with annotations instead, for detectors: lenses, what is taken for them, galaxies, stars",
      whole("--scenes", 1, 1e6),
    )
    .option(
      "--backgrounds <dir>",
      "with --scenes: lenses painted onto these images of the real sky (FITS g, r, z in nanomaggies, or pictures of the Legacy Surveys)",
    )
    .option(
      "--background-range <from:to>",
      "only these images, by the order of their names: one set's are not another's",
      readRange,
    )
    .option("--workers <n>", "threads", whole("--workers", 1, 1024))
    .addOption(
      new Option("--keep <what>", "what is kept of a stamp: float32 flux, a picture, or nothing (drawn when asked for)")
        .choices(["f32", "webp", "none"])
        .default("f32"),
    )
    .option("--shares <list>", "shares of some classes, such as spiral=0.3,lens=0.001; the rest as usual", readShares)
    .option("--radius <low:high>", "half-light radii in arcsec, drawn evenly", readRadius)
    .option("--shard <part/of>", "only this part of the galaxies, the same as in the whole survey", (text) =>
      readShard(text),
    )
    .option("--contact-sheet <file>", "also write a picture of up to 100 of them")
    .option("--overwrite", "replace an existing survey once the new one is complete; keeps sessions and labels", false)
    .option("--discard-labels", "with --overwrite: delete sessions and labels too", false)
    .action(async (out: string, options: Options, command: Command) => {
      const given = (names: string[]) => names.filter((name) => command.getOptionValueSource(name) === "cli");
      if (options.scenes !== undefined) {
        const unread = given(["count", "keep", "shares", "radius", "shard", "contactSheet", "overwrite"]);
        if (unread.length > 0)
          throw new SkyloopError(
            "BAD_OPTION",
            `--scenes makes whole fields: it takes no ${unread.map(flagOf).join(", ")}`,
          );
        return makeScenes(out, options.scenes, options);
      }
      const unread = given(["backgrounds", "backgroundRange"]);
      if (unread.length > 0)
        throw new SkyloopError("BAD_OPTION", `${unread.map(flagOf).join(", ")} goes with --scenes; nothing was done`);
      const { count, seed, size = 128, workers, keep, shares, radius, shard, contactSheet } = options;
      const { overwrite, discardLabels } = options;
      if (discardLabels && !overwrite)
        throw new SkyloopError("BAD_OPTION", "--discard-labels goes with --overwrite; nothing was done");
      const replace = overwrite ? (await import("../loop/keep.ts")).keepWhatFits({ discardLabels }) : undefined;
      const [{ sharesWith, simulateSurvey }, { terminalProgress }] = await Promise.all([
        import("../survey/simulate/index.ts"),
        import("../base/progress.ts"),
      ]);
      const header = await simulateSurvey(out, {
        count,
        seed,
        sizePx: size,
        workers,
        keep: keep === "webp" ? pictureOf : keep,
        shares: sharesWith(shares ?? {}),
        radiusArcsec: radius,
        shard,
        replace,
        progress: terminalProgress("simulating", "galaxies"),
        command: process.argv.slice(2).join(" "),
      });
      process.stdout.write(`${out}: ${header.count} simulated galaxies, data ${header.dataHash.slice(0, 12)}\n`);
      if (contactSheet !== undefined)
        await (await import("../stamps/contact-sheet.ts")).writeContactSheet(out, contactSheet, 100, seed);
    });
  survey
    .command("sheet")
    .argument("<survey>", "survey folder, or a folder of fields with annotations.json")
    .argument("<file>", "picture to write: .png, .jpg or .webp")
    .description("write a contact sheet of stamps, or of fields with their boxes")
    .option(
      "--count <n>",
      "number of stamps or fields (default: 64; with --structures: 8)",
      whole("--count", 1, 10_000),
    )
    .option(
      "--structures",
      "a row for each galaxy: as it is, and with each structure that pre-training paints in",
      false,
    )
    .option("--seed <n>", "seed of the choice of stamps", whole("--seed", 0, SEEDS), 1)
    .action(
      async (
        folder: string,
        file: string,
        { count: wanted, seed, structures }: { count?: number; seed: number; structures: boolean },
      ) => {
        const count = wanted ?? (structures ? 8 : 64);
        if (structures) {
          const { writeStructureSheet } = await import("../stamps/structures/sheet.ts");
          process.stdout.write(`${file}: ${await writeStructureSheet(folder, file, count, seed)} galaxies\n`);
          return;
        }
        if (existsSync(join(folder, "annotations.json"))) {
          const { writeFieldSheet } = await import("../stamps/field-sheet.ts");
          process.stdout.write(`${file}: ${await writeFieldSheet(folder, file, count, seed)} fields\n`);
          return;
        }
        const shown = await (await import("../stamps/contact-sheet.ts")).writeContactSheet(folder, file, count, seed);
        process.stdout.write(`${file}: ${shown} stamps\n`);
      },
    );
}
