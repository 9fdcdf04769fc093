/** Where tensors are made and computed with, one device for the whole process. */
import { SkyloopError } from "../base/errors.ts";
import { native } from "./dispatch.ts";

/** The environment variable that names the device; threads and child processes inherit it. */
export const DEVICE_VARIABLE = "SKYLOOP_DEVICE";

let chosen: string | null = null;

/**
 * The device of new tensors: `cpu`, `cuda` or `cuda:N`, as SKYLOOP_DEVICE says when the first tensor is made. Throws
 * BAD_OPTION for another name, DEVICE_MISSING where libtorch finds no such GPU.
 */
export function device(): string {
  chosen ??= checked(process.env[DEVICE_VARIABLE] || "cpu");
  return chosen;
}

function checked(name: string): string {
  if (name === "cpu") return name;
  const [, place] = name.match(/^cuda(?::(\d+))?$/) ?? [];
  if (!name.startsWith("cuda") || (name !== "cuda" && place === undefined))
    throw new SkyloopError("BAD_OPTION", `a device is cpu, cuda or cuda:N, not ${name}`);
  const { cudaDevices } = native.about();
  if (cudaDevices <= Number(place ?? 0))
    throw new SkyloopError(
      "DEVICE_MISSING",
      `${name}: this libtorch ${cudaDevices === 0 ? "finds no GPU" : `finds ${cudaDevices} GPUs, from cuda:0 on`}; leave --device out to compute on the CPU, or build against a PyTorch with CUDA (docs/guides/gpu.md)`,
    );
  return `cuda:${place ?? 0}`;
}
