import type { Command } from "commander";
import { originOf, pathPrefix } from "../server/doors.ts";
import type { ListenOptions } from "../server/listen.ts";

/** What `addServeOptions` adds, as commander gives it. */
export interface ServeOptions {
  port: number;
  basePath?: string;
  notebook?: string[];
  token?: boolean;
}

/** Adds the options of how the page is reached, which `serve` and `start` share. */
export function addServeOptions(command: Command): Command {
  return command
    .option(
      "--base-path <path>",
      "path that a proxy puts before every address, such as /user/ann/proxy/8420/",
      pathPrefix,
    )
    .option(
      "--notebook <origin...>",
      "show the page in frames of these notebooks, such as http://localhost:8888",
      (text: string, before: string[] = []) => [...before, originOf(text)],
    )
    .option("--token", "ask for a token on this machine too, where other people use it");
}

/** The same options as the server takes them. */
export const listenOptions = ({
  port,
  basePath,
  notebook,
  token,
}: ServeOptions): Omit<ListenOptions, "surveys" | "host"> => ({
  port,
  basePath,
  notebooks: notebook,
  askToken: token,
});
