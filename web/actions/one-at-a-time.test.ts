import { expect, it } from "vitest";
import { oneAtATime } from "./one-at-a-time.ts";

/** A question whose answers come when the test says so; what is asked is counted from 1. */
function question() {
  const waiting: { answer(value: number): void; fail(error: Error): void }[] = [];
  let running = 0;
  const ask = oneAtATime(async () => {
    expect(++running).toBe(1);
    try {
      return await new Promise<number>((answer, fail) => waiting.push({ answer, fail }));
    } finally {
      running--;
    }
  });
  return { ask, waiting };
}

/** Until all that was settled has been heard of. */
const heard = () => new Promise((resolve) => setTimeout(resolve));

it("asks at once where nothing is under way, and once more for all who asked meanwhile", async () => {
  const { ask, waiting } = question();
  const first = ask();
  const others = [ask(), ask(), ask()];
  await heard();
  expect(waiting).toHaveLength(1);
  waiting[0].answer(1);
  expect(await first).toBe(1);
  await heard();
  expect(waiting).toHaveLength(2);
  const last = ask();
  waiting[1].answer(2);
  expect(await Promise.all(others)).toEqual([2, 2, 2]);
  await heard();
  expect(waiting).toHaveLength(3);
  waiting[2].answer(3);
  expect(await last).toBe(3);
  await heard();
  expect(waiting).toHaveLength(3);
});

it("asks again after a failure, which only those hear of who waited for it", async () => {
  const { ask, waiting } = question();
  const first = ask();
  const second = ask();
  waiting[0].fail(new Error("away"));
  await expect(first).rejects.toThrow("away");
  await heard();
  waiting[1].answer(2);
  expect(await second).toBe(2);
});
