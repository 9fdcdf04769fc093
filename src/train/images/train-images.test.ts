import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { smallSurvey, temporaryFolder } from "../../../test/fixtures/surveys.ts";
import { SILENT } from "../../base/progress.ts";
import { describeHeads } from "../../server/image-heads.ts";
import { cardValue, readFitsImage, writeFitsImage } from "../../survey/fits.ts";
import { openSurvey } from "../../survey/folder.ts";
import { evaluateImageModel } from "../../tasks/images/evaluate.ts";
import { predictImage } from "../../tasks/images/predict.ts";
import { setThreads } from "../../torch/index.ts";
import { type TrainImageOptions, trainImageModel } from "./train-images.ts";

const folder = temporaryFolder();
const at = (name: string) => join(folder.path, name);
let survey = "";
beforeAll(async () => {
  setThreads(1);
  survey = await smallSurvey(folder.path, 30);
}, 60_000);
afterAll(() => folder.remove());

const options = (task: TrainImageOptions["task"], changes: Partial<TrainImageOptions> = {}): TrainImageOptions => ({
  task,
  model: "lvm-nano",
  out: at(task),
  seed: 1,
  steps: 4,
  batchSize: 2,
  sizePx: 32,
  frozen: true,
  command: "test",
  reading: SILENT,
  progress: SILENT,
  ...changes,
});
const predict = (task: TrainImageOptions["task"], input: string, output: string, changes = {}) =>
  predictImage({
    task,
    model: join(at(task), `${task}.safetensors`),
    input: at(input),
    output: at(output),
    neighbours: false,
    overwrite: false,
    ...changes,
  });

describe("restoration of flux", () => {
  it("is learned from a survey, measured beside the classical methods, and the same when measured again", async () => {
    const result = await trainImageModel(survey, options("restore"));
    expect(result?.card.kind).toBe("flux");
    expect(result?.card.degradation).toMatch(/arcsec, noise sigma z .*survey's unit/);
    expect(Object.keys(result?.methods ?? {})).toEqual(["blurred", "Richardson-Lucy", "Wiener", "restored"]);
    for (const { psnr, ssim, light } of Object.values(result?.methods ?? {}))
      for (const value of [psnr, ssim, light.median]) expect(Number.isFinite(value)).toBe(true);
    for (const name of ["metrics.json", "examples.png"]) expect(existsSync(join(at("restore"), name))).toBe(true);
    const again = await evaluateImageModel(survey, join(at("restore"), "restore.safetensors"), "restore", {
      sheet: at("sheet.png"),
      progress: SILENT,
    });
    expect(again.methods).toEqual(result?.methods);
    await expect(trainImageModel(survey, options("restore"))).rejects.toThrow(/RUN_EXISTS|trained model already/);
  }, 120_000);

  it("that is told the width of the point spread asks for it, and one that is not refuses it", async () => {
    const trained = await trainImageModel(survey, options("restore", { out: at("told"), seeingKnown: true, steps: 2 }));
    expect(trained?.card).toMatchObject({ seeingKnown: true });
    expect(trained?.card.degradation).toMatch(/which it is told/);
    const told = { model: join(at("told"), "restore.safetensors") };
    writeFitsImage(
      at("plain.fits"),
      { widthPx: 64, heightPx: 64, planes: 3, data: new Float32Array(3 * 64 * 64).map((_, i) => (i % 7) + 1) },
      [],
    );
    await expect(predict("restore", "plain.fits", "a.fits", told)).rejects.toThrow(
      /SEEING_MISSING|give it with --fwhm/,
    );
    await expect(predict("restore", "plain.fits", "a.fits", { ...told, fwhmPx: -1 })).rejects.toThrow(
      /above 0, not -1/,
    );
    await expect(predict("restore", "plain.fits", "a.fits", { fwhmPx: 3 })).rejects.toThrow(/takes no width/);
    expect(() => describeHeads([told.model])).toThrow(/which the page does not know/);
    await predict("restore", "plain.fits", "narrow.fits", { ...told, fwhmPx: 2 });
    await predict("restore", "plain.fits", "wide.fits", { ...told, fwhmPx: 6 });
    expect(readFitsImage(at("wide.fits")).data).not.toEqual(readFitsImage(at("narrow.fits")).data);
  }, 120_000);

  it("keeps a FITS file's header and coordinates and says what was done", async () => {
    const stamp = await openSurvey(survey).then((open) => open.readStamp(0));
    const cards = [
      "CRVAL1  =           150.123456",
      "CRVAL2  =                -2.5",
      "OBJECT  = 'test galaxy'",
      "BANDS   = 'grz'",
    ].map((card) => card.padEnd(80));
    writeFitsImage(at("in.fits"), { widthPx: 64, heightPx: 64, planes: 3, data: stamp.data }, cards);
    expect(await predict("restore", "in.fits", "out.fits")).toMatchObject({
      widthPx: 64,
      heightPx: 64,
      planes: 3,
      hiddenShare: null,
    });
    const out = readFitsImage(at("out.fits"));
    for (const key of ["CRVAL1", "CRVAL2", "OBJECT", "BANDS"])
      expect(cardValue(out.header, key)).toBe(cardValue(readFitsImage(at("in.fits")).header, key));
    const history = out.header.filter(([key]) => key === "HISTORY").map(([, , text]) => text);
    expect(history.join(" ")).toMatch(
      /Skyloop .*: restore by lvm-nano.*Moffat FWHM.*light in the middle after \/ before/,
    );
    expect(out.data.every(Number.isFinite)).toBe(true);
    await expect(predict("restore", "in.fits", "out.fits")).rejects.toThrow(/exists/);
    await expect(predict("restore", "in.fits", "out.jpg")).rejects.toThrow(/becomes/);
    // One band by itself, of another shape.
    writeFitsImage(at("one.fits"), { widthPx: 64, heightPx: 40, planes: 1, data: stamp.data.slice(0, 64 * 40) });
    expect((await predict("restore", "one.fits", "one-out.fits")).planes).toBe(1);
  });

  it("refuses what cannot be learned or asked for", async () => {
    await expect(trainImageModel(survey, options("restore", { out: at("a"), sizePx: 128 }))).rejects.toThrow(
      /64 px wide/,
    );
    await expect(trainImageModel(survey, options("restore", { out: at("b"), sizePx: 50 }))).rejects.toThrow(
      /multiple of 32/,
    );
    await expect(trainImageModel(survey, options("restore", { out: at("c"), fwhm: [3, 1] }))).rejects.toThrow(
      /smaller first/,
    );
    await expect(trainImageModel(survey, options("restore", { out: at("d"), steps: 0.5 }))).rejects.toThrow(
      /whole number/,
    );
    const few = await smallSurvey(folder.path, 6, "few");
    await expect(trainImageModel(few, options("restore", { out: at("e") }))).rejects.toThrow(/has 6 whole stamps/);
  });
});

describe("reconstruction", () => {
  it("fills what a mask hides, of the image's size, and gives the rest back as it was", async () => {
    const result = await trainImageModel(survey, options("reconstruct"));
    expect(Object.keys(result?.methods ?? {})).toEqual(["masked", "nearest", "biharmonic", "reconstructed"]);
    expect(result?.methods.reconstructed.psnrHidden).toBeLessThan(result?.methods.reconstructed.psnr ?? 0);
    const mask = new Float32Array(64 * 64);
    mask.fill(1, 20 * 64, 24 * 64);
    writeFitsImage(at("mask.fits"), { widthPx: 64, heightPx: 64, planes: 1, data: mask });
    const { hiddenShare } = await predict("reconstruct", "in.fits", "filled.fits", { mask: at("mask.fits") });
    expect(hiddenShare).toBe(4 / 64);
    const [before, after] = [readFitsImage(at("in.fits")).data, readFitsImage(at("filled.fits")).data];
    expect([...after.keys()].every((i) => mask[i % 4096] === 1 || after[i] === before[i])).toBe(true);
    writeFitsImage(at("wrong.fits"), { widthPx: 10, heightPx: 10, planes: 1, data: new Float32Array(100).fill(1) });
    await expect(predict("reconstruct", "in.fits", "x.fits", { mask: at("wrong.fits") })).rejects.toThrow(
      /10x10 px, the image 64x64/,
    );
    await expect(predict("reconstruct", "in.fits", "x.fits")).rejects.toThrow(/--mask FILE/);
    expect(existsSync(at("x.fits"))).toBe(false);
    expect(JSON.parse(readFileSync(join(at("reconstruct"), "metrics.json"), "utf8")).objects.test).toBe(6);
  }, 120_000);
});
