import { expect, it } from "vitest";
import { type Limits, mustHaveRoom } from "./room.ts";

const PLENTY: Limits = {
  limits:
    "Max cpu time              unlimited\nMax address space         unlimited            unlimited            bytes\n",
  status: "Name:\tnode\nVmSize:\t  921600 kB\n",
  overcommit: "0\n",
  meminfo: "CommitLimit:    4000000 kB\nCommitted_AS:   3900000 kB\n",
};

it("asks for room only where the system counts what is reserved", () => {
  const limited = (bytes: number) => ({
    ...PLENTY,
    limits: PLENTY.limits.replace(/space +unlimited/, `space         ${bytes}`),
  });
  expect(() => mustHaveRoom(8, PLENTY)).not.toThrow();
  expect(() => mustHaveRoom(2, limited(4e9))).not.toThrow();
  expect(() => mustHaveRoom(2, limited(2.5e9))).toThrow(/ulimit -v unlimited/);
  expect(() => mustHaveRoom(32, limited(4e9))).toThrow(/SKYLOOP_THREADS=1/);
  expect(() => mustHaveRoom(2, { ...PLENTY, overcommit: "2\n" })).toThrow(/may have 97 MB more/);
});
