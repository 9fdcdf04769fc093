/** Apart from the models, so that naming one loads no libtorch. */
import type { ModelName } from "./index.ts";

/** The model that `npm start` uses: its weights are released in models/. */
export const DEFAULT_MODEL: ModelName = "lvm-nano-structures-morphology";
