import { expect, it } from "vitest";
import { Hub, type HubSays } from "./hub.ts";

function rig() {
  const streams: { sessions: string[]; closed: boolean; hear: Parameters<ConstructorParameters<typeof Hub>[0]>[1] }[] =
    [];
  const hub = new Hub((sessions, hear) => {
    const stream = { sessions, closed: false, hear };
    streams.push(stream);
    return () => {
      stream.closed = true;
    };
  });
  const window = () => {
    const heard: HubSays[] = [];
    return { heard, say: hub.join((said) => heard.push(said)) };
  };
  return {
    streams,
    window,
    open: () => streams.filter(({ closed }) => !closed).map(({ sessions }) => sessions.join()),
  };
}
const assessed = { type: "assessed", round: 1 } as const;

it("opens one stream for any number of windows on a session", () => {
  const { streams, window, open } = rig();
  const six = Array.from({ length: 6 }, window);
  six[0].say({ type: "watch", session: "a" });
  streams[0].hear.connected(true);
  for (const { say } of six.slice(1)) say({ type: "watch", session: "a" });
  expect([streams.length, open()]).toEqual([1, ["a"]]);
  expect(six[5].heard).toEqual([{ type: "connected", connected: true }]);
  streams[0].hear.message({ session: "a", message: assessed });
  for (const { heard } of six) expect(heard.at(-1)).toEqual({ type: "message", session: "a", message: assessed });
});

it("opens one stream for windows on different sessions, and each hears of its own", () => {
  const { streams, window, open } = rig();
  const [one, two] = [window(), window()];
  one.say({ type: "watch", session: "b" });
  two.say({ type: "watch", session: "a" });
  expect(open()).toEqual(["a,b"]);
  streams[1].hear.message({ session: "a", message: assessed });
  expect([one.heard, two.heard]).toEqual([[], [{ type: "message", session: "a", message: assessed }]]);
});

it("closes it when the last window leaves or is closed, not before", () => {
  const { window, open } = rig();
  const [one, two] = [window(), window()];
  one.say({ type: "watch", session: "a" });
  one.say({ type: "watch", session: "a" });
  two.say({ type: "watch", session: "a" });
  one.say({ type: "leave", session: "a" });
  two.say({ type: "bye" });
  expect(open()).toEqual(["a"]);
  one.say({ type: "leave", session: "a" });
  expect(open()).toEqual([]);
  two.say({ type: "watch", session: "a" });
  expect(open()).toEqual(["a"]);
});
