/** The demo's wide image: a simulated field, what the released detector finds in it, and the features of that. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { readSurveyHeader } from "../survey/folder.ts";
import { dropPartial } from "../survey/replace.ts";
import { growFeatures, inBackground } from "./prepare.ts";

/** Large enough for some ten lenses among hundreds of galaxies, small enough for ten seconds of one core. */
const FIELD = { sizePx: 768, seed: 2, detector: "lens-nano", threshold: 0.1 } as const;

/** Whether a survey is the demo that `skyloop start` makes: a field belongs to that, and to no survey of a user. */
export function isDemo(folder: string): boolean {
  return readSurveyHeader(folder).command.startsWith("start --count ");
}

/**
 * Makes the field of a demo and its detections in the background and gives the detections to `serve`; those that are
 * there already are served as they are. Features follow. A field that is whole is used again. A step that fails has
 * said why on the terminal, and nothing more is done. Throws LOCKED where another program makes the field.
 */
export async function growField(demo: string, model: string, serve: (folder: string) => Promise<void>): Promise<void> {
  const [sky, field] = [`${resolve(demo)}-sky`, `${resolve(demo)}-field`];
  const { sizePx, seed, detector, threshold } = FIELD;
  if (!existsSync(field)) {
    const scene = ["survey", "simulate", sky, "--scenes", "1", "--size", `${sizePx}`, "--seed", `${seed}`];
    // Of one field nothing is whole before all is, and what another version began this one may not finish.
    dropPartial(sky);
    if (!existsSync(sky) && !(await endsWell(inBackground([...scene, "--workers", "1"])))) return;
    const images = join(sky, "images");
    const names = existsSync(images) ? readdirSync(images).map((name) => join(images, name)) : [];
    if (names.length === 0) return;
    const options = ["--model", detector, "--threshold", `${threshold}`, "--threads", "1", "--out", field];
    if (!(await endsWell(inBackground(["detect", ...names, ...options])))) return;
  }
  if (!existsSync(join(field, "survey.json"))) return;
  await serve(field);
  growFeatures(field, model);
}

async function endsWell(child: ChildProcess): Promise<boolean> {
  const [code] = await once(child, "exit");
  return code === 0;
}
