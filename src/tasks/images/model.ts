/** A trained restoration or reconstruction: how it is kept on disk, and how it is used on images of any size. */

import { SkyloopError } from "../../base/errors.ts";
import { mirroredPlaces } from "../../batches/convolve.ts";
import { firstGuess } from "../../batches/fill.ts";
import type { PixelKind } from "../../contract/survey.ts";
import type { SkipBackbone } from "../../models/backbone.ts";
import type { ImageDecoder } from "../../models/image-decoder.ts";
import { createModel } from "../../models/index.ts";
import { cat, noGrad, opInPlace, scope, type Tensor, tensor, zeros } from "../../torch/index.ts";
import { readCard, readHead, skyloopVersion } from "../card.ts";
import type { HeadCard, Packed } from "../task.ts";
import { candidatesOf } from "./candidates.ts";
import { conserveLight } from "./conserve.ts";
import {
  type DecoderInput,
  IMAGE_TASKS,
  type ImageBatch,
  type ImageTaskName,
  improve,
  taskDecoder,
} from "./image-task.ts";
import { scaleOf } from "./scale.ts";

/** What a saved image model needs beside its weights. */
export interface ImageCard {
  task: ImageTaskName;
  /** The LVM whose encoder it has. */
  model: string;
  /** What it learned from: flux or colour pictures. */
  kind: PixelKind;
  /** Side of the crops that it learned from, and of the tiles that larger images are cut into. */
  sizePx: number;
  /** How its training images were made worse, in words. */
  degradation: string;
  /** Of a restoration: whether it is told the width of the point spread. Absent: it is not. */
  seeingKnown?: boolean;
  steps: number;
  seed: number;
  dataHash: string;
}

/** An encoder and the decoder of one image task, with the card that says what they learned. */
export interface ImageModel {
  encoder: SkipBackbone;
  decoder: ImageDecoder;
  card: ImageCard;
}

/** What is packed of a model: encoder and decoder. */
export function packImageModel({ encoder, decoder, card }: ImageModel): Packed<Record<string, unknown>> {
  const { task: _, model, dataHash, seed, steps, ...details } = card;
  const under = (part: string, tensors: Iterable<[string, Tensor]>) =>
    [...tensors].map(([name, value]): [string, Tensor] => [`${part}.${name}`, value]);
  return {
    backbone: { name: model, weightsHash: null },
    trainedOn: { dataHash },
    made: { skyloop: skyloopVersion(), seed, steps },
    details,
    tensors: Object.fromEntries([...under("encoder", encoder.kept()), ...under("decoder", decoder.namedTensors())]),
  };
}

/** A model from its card and tensors, in evaluation mode. */
export function openImageModel(head: HeadCard, tensors: Record<string, Tensor>): ImageModel {
  const task = head.task as ImageTaskName;
  const card = {
    task,
    model: head.backbone.name,
    ...head.details,
    steps: head.made.steps,
    seed: head.made.seed,
    dataHash: head.trainedOn.dataHash,
  } as ImageCard;
  const under = (part: string) =>
    Object.fromEntries(
      Object.entries(tensors).flatMap(([key, value]) =>
        key.startsWith(`${part}.`) ? [[key.slice(part.length + 1), value]] : [],
      ),
    );
  const encoder = createModel(card.model);
  encoder.loadStateDict(under("encoder"), { partial: true });
  const decoder = taskDecoder(encoder, task);
  decoder.loadStateDict(under("decoder"));
  return { encoder: encoder.eval(), decoder: decoder.eval(), card };
}

/** Reads what `saveImageModel` wrote, ready to be used. Throws BAD_HEAD for any other file, FILE_UNREADABLE. */
export function loadImageModel(path: string, task?: ImageTaskName): ImageModel {
  return scope(() => {
    const found = readCard(path).card.task;
    const wanted = task ?? IMAGE_TASKS.find((name) => name === found) ?? IMAGE_TASKS[0];
    const { card, tensors } = readHead(path, wanted);
    return openImageModel(card, tensors);
  });
}

/** Frees a model's parameters. */
export function disposeImageModel({ encoder, decoder }: ImageModel): void {
  encoder.dispose();
  decoder.dispose();
}

/** Tiles of one call of the network. */
const TILES_AT_ONCE = 16;

/**
 * Where tiles of `tile` px begin that cover `length` px and share a quarter of a tile with their neighbours; the last
 * one may reach over the end.
 */
function tileStarts(length: number, tile: number): number[] {
  const step = tile - tile / 4;
  return Array.from({ length: Math.max(1, Math.ceil((length - tile) / step) + 1) }, (_, i) => i * step);
}

/** The same done to each tensor of what a network is given. */
function mapped({ image, known, candidates }: DecoderInput, change: (planes: Tensor) => Tensor): DecoderInput {
  return {
    image: change(image),
    known: known === null ? null : change(known),
    candidates: candidates === null ? null : change(candidates),
  };
}

/** What pixels of a tile weigh: all the same, falling off over the quarter that it shares. */
function tileWeight(tile: number): Tensor {
  const along = Float32Array.from({ length: tile }, (_, i) =>
    Math.min(1, (Math.min(i, tile - 1 - i) + 0.5) / (tile / 4)),
  );
  return tensor(along, [1, 1, tile, 1]).mul(tensor(along, [1, 1, 1, tile]));
}

/**
 * One image [1, 3, H, W] of any size, with what is known of it, in the network's unit, improved tile by tile; tiles
 * overlap by a quarter and are blended.
 */
function improveTiled({ encoder, decoder, card: { sizePx: tile } }: ImageModel, given: DecoderInput): Tensor {
  const [, , H, W] = given.image.shape;
  const starts = { rows: tileStarts(H, tile), columns: tileStarts(W, tile) };
  const [height, width] = [(starts.rows.at(-1) as number) + tile, (starts.columns.at(-1) as number) + tile];
  // Beyond the last row and column the image is mirrored.
  const along = (length: number, padded: number) =>
    tensor([...mirroredPlaces(length, padded - length).slice(padded - length)], [padded], "int64");
  const padded = (planes: Tensor) => planes.indexSelect(2, along(H, height)).indexSelect(3, along(W, width));
  const whole = mapped(given, padded);
  const weight = tileWeight(tile);
  const [sum, weights] = [zeros([1, 3, height, width]), zeros([1, 1, height, width])];
  const places = starts.rows.flatMap((y) => starts.columns.map((x) => ({ x, y })));
  const part = (planes: Tensor, { x, y }: { x: number; y: number }) =>
    planes.slice(2, y, y + tile).slice(3, x, x + tile);
  for (let at = 0; at < places.length; at += TILES_AT_ONCE)
    scope(() => {
      const some = places.slice(at, at + TILES_AT_ONCE);
      const tiles = mapped(whole, (planes) =>
        cat(
          some.map((place) => part(planes, place)),
          0,
        ),
      );
      const improved = improve(encoder, decoder, tiles).mul(weight);
      for (const [i, place] of some.entries()) {
        opInPlace("add_.Tensor", part(sum, place), improved.slice(0, i, i + 1));
        opInPlace("add_.Tensor", part(weights, place), weight);
      }
    });
  return sum.div(weights).slice(2, 0, H).slice(3, 0, W);
}

/** An image of three bands. */
export interface Planes {
  heightPx: number;
  widthPx: number;
  /** Three planes [3, H, W], red first: colour in [0, 1], or flux in any unit. NaN where there is no measurement. */
  data: Float32Array;
  kind: PixelKind;
}

/**
 * An image restored, or its hidden pixels (`mask` [H, W], 1 where hidden) reconstructed. Pixels without a measurement
 * are reconstructed with the hidden ones, and stay NaN in a restoration. `fwhmPx`: the point spread's full width, for a
 * restoration that was trained with it. Throws BAD_MASK where no pixel is known, SEEING_MISSING, BAD_OPTION.
 */
export function applyImageModel(
  model: ImageModel,
  { heightPx: H, widthPx: W, data, kind }: Planes,
  { mask = null, fwhmPx = null }: { mask?: Uint8Array | null; fwhmPx?: number | null } = {},
): Float32Array {
  const seeing = seeingOf(model.card, fwhmPx);
  const N = H * W;
  const missing = Uint8Array.from({ length: N }, (_, p) =>
    Number.isFinite(data[p]) && Number.isFinite(data[N + p]) && Number.isFinite(data[2 * N + p]) ? 0 : 1,
  );
  const hidden = mask === null ? missing : missing.map((value, p) => (mask[p] === 0 ? value : 1));
  if (hidden.every((value) => value === 1))
    throw new SkyloopError("BAD_MASK", "no pixel of the image is both measured and outside of the mask");
  const seen = data.map((value, i) => (hidden[i % N] === 1 ? 0 : value));
  const reconstructs = model.card.task === "reconstruct";
  return noGrad(() =>
    scope(() => {
      const scale = scaleOf(kind, [seen], W, [hidden]);
      const known = tensor(
        Float32Array.from(hidden, (value) => 1 - value),
        [1, 1, H, W],
      );
      const filled = firstGuess(scale.toNetwork(tensor(seen, [1, 3, H, W])), [hidden]);
      const given = reconstructs
        ? { image: filled, known, candidates: null }
        : { image: filled, known: null, candidates: candidatesOf(scale.toImage(filled), kind, scale, seeing) };
      const written = scale.toImage(improveTiled(model, given));
      const improved = kind === "flux" && !reconstructs ? conserveLight(written, scale.toImage(filled)) : written;
      const out = (kind === "colour" ? improved.clamp(0, 1) : improved).toFloat32Array();
      // Known pixels come back bit by bit: stretching and its inverse round them.
      return out.map((value, i) =>
        reconstructs ? (hidden[i % N] === 1 ? value : data[i]) : missing[i % N] === 1 ? Number.NaN : value,
      );
    }),
  );
}

function seeingOf({ task, seeingKnown = false }: ImageCard, fwhmPx: number | null): number[] | null {
  if (fwhmPx !== null && !(fwhmPx > 0 && fwhmPx < 100))
    throw new SkyloopError("BAD_OPTION", `the width of the point spread is a number of pixels above 0, not ${fwhmPx}`);
  if (task === "restore" && seeingKnown && fwhmPx === null)
    throw new SkyloopError(
      "SEEING_MISSING",
      "this model restores by the width of the point spread: give it with --fwhm PX, or train one without --known-seeing",
    );
  if (fwhmPx !== null && !seeingKnown)
    throw new SkyloopError(
      "BAD_OPTION",
      "this model takes no width of the point spread: leave --fwhm out, or train a restoration with --known-seeing",
    );
  return fwhmPx === null ? null : [fwhmPx];
}

/** A batch made from whole images, improved as `applyImageModel` does: [3, S, S] each, in the images' own unit. */
export function improveWhole(model: ImageModel, batch: ImageBatch, kind: PixelKind): Float32Array[] {
  const [B, , S] = batch.clean.shape;
  return noGrad(() =>
    scope(() => {
      const tiles = Array.from({ length: B }, (_, b) =>
        improveTiled(
          model,
          mapped(batch, (planes) => planes.slice(0, b, b + 1)),
        ),
      );
      const written = batch.scale.toImage(cat(tiles, 0));
      const images =
        kind === "flux" && model.card.task === "restore" ? conserveLight(written, batch.degraded) : written;
      const numbers = (kind === "colour" ? images.clamp(0, 1) : images).toFloat32Array();
      return Array.from({ length: B }, (_, b) => numbers.subarray(b * 3 * S * S, (b + 1) * 3 * S * S));
    }),
  );
}
