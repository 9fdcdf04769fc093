/** Trained heads on disk: safetensors whose notes hold one card, the same for every task. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { SkyloopError } from "../base/errors.ts";
import { PACKAGE_ROOT } from "../base/paths.ts";
import { readSafetensors, scope, type Tensor, writeSafetensors } from "../torch/index.ts";
import type { HeadCard, Packed } from "./task.ts";

/** Of the card that this version writes. */
const HEAD_FORMAT = 1;

/** Version of this program, for cards. */
export function skyloopVersion(): string {
  return (JSON.parse(readFileSync(join(PACKAGE_ROOT, "package.json"), "utf8")) as { version: string }).version;
}

/** Names that tasks had in files without a format. */
const FORMER_NAMES: Readonly<Record<string, string>> = { "classify-images": "classify" };

/** The fields that cards had before they had a format: all in one record, the task in the file's notes. */
interface FormerCard extends Record<string, unknown> {
  model: string;
  weightsHash?: string;
  dataHash?: string;
  seed?: number;
  steps?: number;
}

/** The card of a file's notes, brought to the present format; null where they hold none. */
function cardOf(notes: Record<string, string>): HeadCard | null {
  if (notes.card === undefined || notes.task === undefined) return null;
  const card = JSON.parse(notes.card) as HeadCard | FormerCard;
  if ("format" in card) return card as HeadCard;
  const { task: _, model, weightsHash, dataHash, seed, steps, ...details } = card as FormerCard;
  return {
    format: HEAD_FORMAT,
    task: FORMER_NAMES[notes.task] ?? notes.task,
    backbone: { name: model, weightsHash: weightsHash ?? null },
    trainedOn: { dataHash: dataHash ?? null },
    made: { skyloop: null, seed: seed ?? null, steps: steps ?? null },
    details,
  };
}

/** Writes what a task packed, under its name. */
export function writeHead(path: string, task: string, { tensors, notes = {}, ...card }: Packed<object>): void {
  const { backbone, trainedOn, made, details } = card;
  const whole = { format: HEAD_FORMAT, task, backbone, trainedOn, made, details };
  scope(() => writeSafetensors(path, tensors, { ...notes, task, card: JSON.stringify(whole) }));
}

/** Only the card. Throws BAD_HEAD for a file without one, HEAD_NEWER, FILE_UNREADABLE. */
export function readCard(path: string): { card: HeadCard; notes: Record<string, string> } {
  const { metadata } = readSafetensors(path, () => false);
  const card = cardOf(metadata);
  if (card === null)
    throw new SkyloopError("BAD_HEAD", `${path} holds no trained task; give the file that \`skyloop train\` wrote`);
  if (card.format > HEAD_FORMAT)
    throw new SkyloopError(
      "HEAD_NEWER",
      `${path} has a card of format ${card.format}, this version reads up to ${HEAD_FORMAT}; update Skyloop`,
    );
  return { card, notes: metadata };
}

/**
 * Card, tensors and notes of a head of the named task, inside the caller's scope. Throws BAD_HEAD for a file of another
 * task or of none, HEAD_NEWER, FILE_UNREADABLE.
 */
export function readHead(
  path: string,
  task: string,
): { card: HeadCard; tensors: Record<string, Tensor>; notes: Record<string, string> } {
  const { card, notes } = readCard(path);
  if (card.task !== task)
    throw new SkyloopError(
      "BAD_HEAD",
      `${path} holds a head of ${card.task}; give the file that \`skyloop train ${task}\` wrote`,
    );
  return { card, notes, tensors: readSafetensors(path).tensors };
}
