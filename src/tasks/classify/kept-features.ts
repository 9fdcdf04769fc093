/** Features on disk in the place of a network that reads them. */
import { existsSync } from "node:fs";
import { SkyloopError } from "../../base/errors.ts";
import { hashFile } from "../../base/files.ts";
import type { Progress } from "../../base/progress.ts";
import { plainReader } from "../../models/feature-reader.ts";
import { releasedWeights } from "../../models/index.ts";
import { listFeatures } from "../../store/features.ts";
import { type Parameter, type Tensor, tensor } from "../../torch/index.ts";
import { featuresFor } from "../embed/embed.ts";
import type { InputsOf, Network, NetworkRequest } from "../task.ts";
import { FeatureNetwork } from "./feature-network.ts";
import { type FeatureHeadCard, pickRows } from "./head.ts";

/** Features that were read before: they are given and come back. */
class KeptFeatures extends FeatureNetwork {
  readonly imageSize = 0;
  readonly featureDim: number;

  constructor(dim: number) {
    super();
    this.featureDim = dim;
  }
  features(rows: Tensor): Tensor {
    return rows;
  }
  learned(): [string, Parameter][] {
    return [];
  }
  kept(): [string, Tensor][] {
    return [];
  }
}

/** Whether a network's features are read from disk. */
export function isKept({ backbone }: Network): boolean {
  return backbone instanceof KeptFeatures;
}

/** Features on disk as a network, and what it is given of rows of the catalogue. */
export interface ReadBefore {
  network: Network;
  inputs: InputsOf;
}

/** The name of the feature set of a request: those of weights that were given get a name of their own. */
export async function featureSetOf({ model, weights, features }: Omit<NetworkRequest, "frozen">): Promise<string> {
  if (weights !== undefined && !existsSync(weights))
    throw new SkyloopError("WEIGHTS_MISSING", `no weights of ${model} at ${weights}; check the path`);
  return features ?? (weights === undefined ? model : `${model}-${(await hashFile(weights)).slice(0, 8)}`);
}

/** Features of a set that is on disk, computed first where it is missing. Throws what computing features throws. */
export async function readFeatures(
  folder: string,
  name: string,
  { model, weights, progress }: Pick<NetworkRequest, "model" | "weights" | "progress">,
): Promise<ReadBefore> {
  const set = await featuresFor(folder, model, name, progress, weights);
  const { dim, weightsHash } = set;
  const matrix = set.matrix();
  set.close();
  const backbone = new KeptFeatures(dim);
  return {
    network: { name: model, backbone, reader: plainReader(backbone), weightsHash },
    inputs: (rows) => tensor(pickRows(matrix, dim, rows), [rows.length, dim]),
  };
}

/**
 * The features that a head reads, as a network, computed first where they are missing. Throws OTHER_WEIGHTS where the
 * survey's are of other weights, or would be.
 */
export async function networkOfHead(
  folder: string,
  { model, features, weightsHash }: FeatureHeadCard,
  progress: Progress,
): Promise<ReadBefore> {
  const refuse = (found: string) => {
    if (found !== weightsHash)
      throw new SkyloopError(
        "OTHER_WEIGHTS",
        `the head reads features of ${model} with weights ${weightsHash.slice(0, 12)}, ${folder} has them with ${found.slice(0, 12)}; embed it with the same weights, or train the head again`,
      );
  };
  const isThere = listFeatures(folder).some((set) => set.model === features);
  // Hours of features that the head cannot read are not begun.
  if (!isThere && existsSync(releasedWeights(model))) refuse(await hashFile(releasedWeights(model)));
  const read = await readFeatures(folder, features, { model, progress });
  refuse(read.network.weightsHash);
  return read;
}
