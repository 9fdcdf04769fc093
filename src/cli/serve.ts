import type { Command } from "commander";

interface Options {
  port: number;
  host: string;
  hostName?: string[];
  head?: string[];
}

/** `skyloop serve SURVEY…`. */
export function addServeCommand(program: Command): void {
  program
    .command("serve")
    .argument("<survey...>", "survey folders with features")
    .description("open the page on one or several surveys")
    .option("--port <n>", "port", Number, 8420)
    .option("--host <address>", "address to listen on; others than 127.0.0.1 let other machines in", "127.0.0.1")
    .option("--head <file...>", "restoring or reconstructing heads, which the page shows as before and after")
    .option("--host-name <name...>", "names under which other machines reach this one")
    .action(async (surveys: string[], { port, host, hostName, head }: Options) => {
      const { serve } = await import("../server/listen.ts");
      if (!["127.0.0.1", "localhost", "::1"].includes(host))
        process.stderr.write(
          `warning: listening on ${host}: whoever reaches this machine can read and label these surveys\n`,
        );
      const { address } = await serve({ surveys, heads: head, host, port, hostNames: hostName });
      process.stdout.write(`Skyloop is at ${address}  (Ctrl-C ends it; every label is saved as it is given)\n`);
    });
}
