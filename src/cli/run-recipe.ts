/**
 * First file of a recipe's process: runs the file that its first argument names with the others, and ends as the
 * command line does.
 */
import { pathToFileURL } from "node:url";
import { allowClosedPipes, endWith } from "./ending.ts";

allowClosedPipes();
const [recipe] = process.argv.splice(2, 1);
await import(pathToFileURL(recipe).href).catch(endWith);
