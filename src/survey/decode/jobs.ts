/** What a decoding process can do, by name. Libraries are loaded when they are first needed. */
import type { ChildJob } from "../../base/child.ts";
import { openFits, readFitsHdus, readFitsImage, readFitsSection, readFitsTable } from "../fits.ts";
import { fluxHead, fluxObject } from "./flux-stamp.ts";
import { type Section, unpackImage } from "./sections.ts";

type Hdf5 = typeof import("./hdf5-jobs.ts");
const hdf5 = (): Promise<Hdf5> => import("./hdf5-jobs.ts");

/** The jobs by name. */
export const JOBS = {
  fluxHead,
  fluxObject,
  fitsHdus: ({ path }: { path: string }) => readFitsHdus(path),
  fitsImage: ({ path, hdu }: { path: string; hdu?: number }) => readFitsImage(path, hdu),
  fitsSections: ({ sections }: { sections: Section[] }) =>
    sections.map(({ path, hdu, box }) => readFitsSection(path, hdu, box)),
  fitsUnpack: unpackImage,
  fitsWrongSums: ({ path }: { path: string }) => openFits(path).wrongSums(),
  fitsTable: ({ path }: { path: string }) => readFitsTable(path),
  hdf5Head: async (input: Parameters<Hdf5["hdf5Head"]>[0], around: ChildJob) => (await hdf5()).hdf5Head(input, around),
  hdf5Column: async (input: Parameters<Hdf5["hdf5Column"]>[0], around: ChildJob) =>
    (await hdf5()).hdf5Column(input, around),
  hdf5Stamps: async (input: Parameters<Hdf5["hdf5Stamps"]>[0], around: ChildJob) =>
    (await hdf5()).hdf5Stamps(input, around),
  picture: async (input: { path: string }) => (await import("./picture-job.ts")).tryPicture(input),
  parquet: async ({ path }: { path: string }) => (await import("../duck.ts")).readParquet(path),
} as const;

/** Their names, inputs and results. */
export type DecodeJobs = typeof JOBS;
