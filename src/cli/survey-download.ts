import { join } from "node:path";
import type { Command } from "commander";
import { real, whole } from "./numbers.ts";
import { bandList, raUnitOf } from "./survey-cut.ts";

interface Options {
  catalogue: string;
  from: string;
  size: number;
  scale?: number;
  bands?: string;
  pictures: boolean;
  raUnit?: string;
  rate: number;
  atOnce: number;
  contact?: string;
  mirror?: string;
  timeout: number;
  tries: number;
  title?: string;
  keepFiles: boolean;
  overwrite: boolean;
}

/** `skyloop survey download OUT` and `skyloop survey providers`. */
export function addDownloadCommand(survey: Command): void {
  survey
    .command("download")
    .argument("<out>", "folder of the new survey")
    .description("download a cutout of every position of a catalogue and make a survey of them; a stopped run resumes")
    .requiredOption("--catalogue <file>", "table with ra and dec, id and any other columns; at most 20,000 rows")
    .requiredOption(
      "--from <service>",
      "legacy-dr10, legacy-dr9, sdss, ps1, hips:ID, or an address with {ra}, {dec}, {size}, {scale}, {fov}, {bands} or {band}",
    )
    .option("--size <px>", "side of the cutouts", whole("--size", 16, 6000), 256)
    .option("--scale <arcsec>", "arcseconds a pixel (default: the service's own)", real("--scale", 1e-3, 60))
    .option("--bands <names>", "bands in this order, such as grz or g,r,z (default: the service's usual three)")
    .option("--pictures", "pictures in colour (JPEG) instead of FITS", false)
    .option("--ra-unit <unit>", "what plain numbers of right ascension are in: deg or hours")
    .option("--rate <n>", "requests a second", real("--rate", 0.01, 1000), 2)
    .option("--at-once <n>", "requests under way at once", whole("--at-once", 1, 64), 4)
    .option("--contact <address>", "e-mail or page at which the service can reach you; sent with each request")
    .option("--mirror <address>", "another machine that serves the same, such as https://mirror.example.org")
    .option(
      "--timeout <s>",
      "seconds without a byte after which a request is given up",
      whole("--timeout", 1, 3600),
      60,
    )
    .option("--tries <n>", "tries of a request that failed, at growing intervals", whole("--tries", 1, 20), 5)
    .option("--title <text>", "title of the survey on the page")
    .option("--keep-files", "keep the downloaded files beside the survey (OUT.download)", false)
    .option(
      "--overwrite",
      "replace an existing survey once the new one is complete; its sessions and labels stay",
      false,
    )
    .action(download);
  survey
    .command("providers")
    .description("list the services that `survey download` knows: addresses, limits, units, credit lines, terms")
    .option("--json", "one JSON object", false)
    .action(async ({ json }: { json: boolean }) => {
      const { PROVIDERS } = await import("../survey/download/providers.ts");
      const text = Object.entries(PROVIDERS).map(([name, provider]) =>
        listed(name === "hips" ? "hips:ID" : name, provider),
      );
      process.stdout.write(json ? `${JSON.stringify(PROVIDERS)}\n` : `${text.join("\n\n")}\n`);
    });
}

type Provider = typeof import("../survey/download/providers.ts")["PROVIDERS"][string];

function listed(name: string, provider: Provider): string {
  const { title, flux, picture, lookup, bands, unit, scaleArcsec, fixedScale, mostPx, most, credit, terms, bulk } =
    provider;
  const lines: [string, string][] = [
    ["FITS", flux ?? "none"],
    ["pictures", picture ?? "none"],
    ...(lookup === undefined ? [] : [["asked before", lookup] as [string, string]]),
    ["bands", bands.length === 0 ? "by the identifier" : bands.join(", ")],
    ["unit", unit],
    ["scale", `${scaleArcsec} arcsec/px${fixedScale ? ", no other" : ""}`],
    ["limits", `${mostPx} px a side; at most ${most.perSecond} requests a second, ${most.atOnce} at once`],
    ["credit", credit],
    ["terms", terms],
    ["very many", bulk],
  ];
  return [`${name}: ${title}`, ...lines.map(([key, value]) => `  ${key.padEnd(13)}${value}`)].join("\n");
}

async function download(out: string, options: Options): Promise<void> {
  const [
    { terminalProgress },
    { downloadSurvey },
    { keepWhatFits },
    { cropSmallGalaxies },
    { readJson },
    { PACKAGE_ROOT },
  ] = await Promise.all([
    import("../base/progress.ts"),
    import("../survey/download/index.ts"),
    import("../loop/keep.ts"),
    import("../stamps/choose-crop.ts"),
    import("../base/files.ts"),
    import("../base/paths.ts"),
  ]);
  const { version } = readJson(join(PACKAGE_ROOT, "package.json")) as { version: string };
  const { header, asked, missing, unfinished } = await downloadSurvey({
    ...options,
    out,
    raUnit: raUnitOf(options.raUnit),
    sizePx: options.size,
    scaleArcsec: options.scale,
    bands: options.bands === undefined ? undefined : bandList(options.bands),
    adaptiveCrop: cropSmallGalaxies,
    perSecond: options.rate,
    timeoutMs: options.timeout * 1000,
    backoffMs: 1000,
    version,
    replace: options.overwrite ? keepWhatFits() : undefined,
    command: process.argv.slice(2).join(" "),
    progress: (label) => terminalProgress(label, "cutouts"),
  });
  const { describeSurvey } = await import("../survey/describe.ts");
  process.stdout.write(await describeSurvey(out));
  const without = [...missing].map(([code, count]) => `${count} ${code}`).join(", ");
  process.stdout.write(
    `\n${header.count} of ${asked} positions are in the survey${without === "" ? "" : `; without ${without}`}\n`,
  );
  if (unfinished > 0)
    process.stdout.write(
      `${unfinished} may come another time: the same command with --overwrite asks for these alone (${out}.download keeps the others)\n`,
    );
  process.stdout.write(`\nNext: skyloop embed ${out}, then skyloop serve ${out}\n`);
}
