/** What is hunted: public sets, and what their catalogues say is true. */
import { Random } from "../../src/base/random.ts";
import type { HuntObject } from "../../src/evaluate/hunt.ts";
import { type FeatureSpace, featureSpace } from "../../src/loop/learn.ts";
import { openFeatures } from "../../src/store/features.ts";
import { openSurvey } from "../../src/survey/folder.ts";

type Columns = Record<string, string | number | boolean | null>;

/** A target: in which set, and what an object's columns say of it (null: not known, left out). */
export interface HuntTarget {
  name: string;
  set: string;
  /** The definition, for readers. */
  means: string;
  truth(columns: Columns): boolean | null;
}

const at = (columns: Columns, name: string) => Number(columns[name]);
const text = (columns: Columns, name: string) => String(columns[name] ?? "");
/** Of an EFIGI attribute; -1 is "not known", which is left out where `known` asks for it. */
const efigi = (name: string, column: string, least: number, known = true): HuntTarget => ({
  name,
  set: "efigi",
  means: `${column} >= ${least}`,
  truth: (columns) => (known && at(columns, column) < 0 ? null : at(columns, column) >= least),
});
const among = (value: string, positive: string[]) => (value === "" ? null : positive.includes(value));

/** Six of EFIGI, two of Galaxy Zoo, one of Galaxy10, and lenses of one survey. */
export const HUNT_TARGETS: HuntTarget[] = [
  {
    name: "face-on spiral",
    set: "efigi",
    means: "Arm_Strength >= 0.5 and Inclination <= 0.5",
    truth: (columns) => at(columns, "Arm_Strength") >= 0.5 && at(columns, "Inclination") <= 0.5,
  },
  efigi("edge-on", "Inclination", 1),
  efigi("bar", "Bar_Length", 0.5),
  efigi("perturbed", "Perturbation", 0.75),
  efigi("inner ring", "Inner_Ring", 0.75),
  efigi("multiple", "Multiplicity", 0.5),
  {
    name: "face-on spiral, Galaxy Zoo",
    set: "gz_kaggle",
    means: "label spiral or barred_spiral",
    truth: (columns) => among(text(columns, "label"), ["spiral", "barred_spiral"]),
  },
  {
    name: "merger, Galaxy Zoo 2",
    set: "gz2_votes_1000",
    means: "label_strict merger",
    truth: (columns) => among(text(columns, "label_strict"), ["merger"]),
  },
  {
    name: "merging, Galaxy10",
    set: "galaxy10_decals",
    means: "label merging",
    truth: (columns) => among(text(columns, "label"), ["merging"]),
  },
  {
    name: "lens, Space Warps",
    set: "spacewarps_cfhtls",
    means: "grade >= 2.5 against <= 1.5",
    truth: ({ grade }) => {
      if (Number(grade) >= 2.5) return true;
      return Number(grade) <= 1.5 ? false : null;
    },
  },
];

/**
 * Six targets of EFIGI as an earlier trial had them, as near as its base rates and cosines allow: what is not known is
 * none.
 */
export const EFIGI_TARGETS: HuntTarget[] = [
  {
    name: "face-on spiral",
    set: "efigi",
    means: "T from 1 to 7 and Inclination <= 0.25",
    truth: (columns) => at(columns, "T") >= 1 && at(columns, "T") <= 7 && at(columns, "Inclination") <= 0.25,
  },
  {
    name: "edge-on",
    set: "efigi",
    means: "Inclination >= 1, ellipticals left out",
    truth: (columns) => {
      if (at(columns, "T") < -3 || at(columns, "T") > 10) return null;
      return at(columns, "Inclination") >= 1;
    },
  },
  efigi("bar", "Bar_Length", 0.5, false),
  efigi("perturbed", "Perturbation", 0.75, false),
  efigi("inner ring", "Inner_Ring", 0.75, false),
  efigi("multiple", "Multiplicity", 0.5, false),
];

/** The objects of a target, the features they have, and what names both. */
export interface HuntSet {
  space: FeatureSpace;
  objects: HuntObject[];
  key: string;
}

/** Reads a target's set. Throws FEATURES_MISSING, COLUMN_MISSING. */
export async function huntSet(folder: string, { truth }: HuntTarget, model: string): Promise<HuntSet> {
  const survey = await openSurvey(folder);
  const features = openFeatures(folder, model);
  const objects = survey.rows.flatMap(({ columns }, row): HuntObject[] => {
    const positive = truth(columns);
    return positive === null ? [] : [{ row, positive }];
  });
  const set = {
    space: featureSpace(features.matrix(), features.dim),
    objects,
    key: `${survey.header.dataHash} ${features.weightsHash}`,
  };
  features.close();
  survey.close();
  return set;
}

/** `count` of a set's objects of a kind, another draw for each seed. */
export function drawOf({ objects }: HuntSet, positive: boolean, count: number, seed: number): HuntObject[] {
  const kind = objects.filter((one) => one.positive === positive);
  return new Random(seed)
    .fork(`draw ${positive}`)
    .sample(kind.length, Math.min(count, kind.length))
    .map((i) => kind[i]);
}
