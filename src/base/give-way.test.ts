import { expect, it } from "vitest";
import { Urgency } from "./give-way.ts";

it("work rests while urgent moments follow one another, and ends beside somebody who never stops", async () => {
  const urgency = new Urgency();
  const order: string[] = [];
  const rest = urgency.rests(10_000);
  await rest();
  order.push("step at once");
  urgency.note();
  setTimeout(() => urgency.note(), 40);
  setTimeout(() => order.push("urgent"), 60);
  await rest();
  order.push("step after it");
  expect(order).toEqual(["step at once", "urgent", "step after it"]);

  urgency.note();
  const timer = setInterval(() => urgency.note(), 5);
  const impatient = urgency.rests(150);
  const start = performance.now();
  for (let step = 0; step < 5; step++) await impatient();
  clearInterval(timer);
  expect(performance.now() - start).toBeGreaterThan(100);
});
