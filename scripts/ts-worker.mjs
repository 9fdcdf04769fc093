// Entry of worker threads that run from TypeScript source: Node 20 loads a worker's first file before tsx can read it,
// so that file is this one, and the wanted one comes as the first argument.
import { register } from "tsx/esm/api";

register();
const worker = await import(process.argv[2]);
export default worker.default;
