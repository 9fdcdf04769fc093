/** What the browser itself says of a scroll: frames drawn, from its own trace; memory of the page. */
import type { CDPSession, Page } from "playwright-core";

interface TraceEvent {
  name: string;
  /** Microseconds. */
  ts: number;
}

/** What the browser's display does for each frame that it puts on the screen. */
const FRAME = "Display::DrawAndSwap";

export interface ScrollFigures {
  /** Frames put on the screen, a second, while the page scrolled. */
  framesPerSecond: number;
  /** Longest time without a new frame, ms. */
  longestGapMs: number;
  frames: number;
}

/** Records the browser's trace while `scroll` runs. */
export async function traceScroll(page: Page, scroll: () => Promise<void>): Promise<ScrollFigures> {
  const client = await page.context().newCDPSession(page);
  const events: TraceEvent[] = [];
  client.on("Tracing.dataCollected", ({ value }) => void events.push(...(value as unknown as TraceEvent[])));
  const complete = new Promise<void>((resolve) => client.once("Tracing.tracingComplete", () => resolve()));
  await client.send("Tracing.start", { transferMode: "ReportEvents", traceConfig: { includedCategories: ["viz"] } });
  await scroll();
  await client.send("Tracing.end");
  await complete;
  await client.detach();
  const drawn = events
    .filter(({ name }) => name === FRAME)
    .map(({ ts }) => ts / 1000)
    .sort((a, b) => a - b);
  const gaps = drawn.slice(1).map((at, i) => at - drawn[i]);
  const seconds = drawn.length < 2 ? 0 : (drawn[drawn.length - 1] - drawn[0]) / 1000;
  return {
    framesPerSecond: seconds > 0 ? (drawn.length - 1) / seconds : 0,
    longestGapMs: Math.max(0, ...gaps),
    frames: drawn.length,
  };
}

/** Scrolls by the wheel for so many ms, some pages a second. */
export async function wheel(
  client: CDPSession,
  { x, y, forMs, speedPxPerSecond }: { x: number; y: number; forMs: number; speedPxPerSecond: number },
): Promise<void> {
  await client.send("Input.synthesizeScrollGesture", {
    x,
    y,
    yDistance: -Math.round((speedPxPerSecond * forMs) / 1000),
    speed: speedPxPerSecond,
    gestureSourceType: "mouse",
    preventFling: true,
  });
}

/** Bytes of the page's own JavaScript after a collection, and its elements. */
export async function memoryOf(page: Page): Promise<{ heapBytes: number; nodes: number }> {
  const client = await page.context().newCDPSession(page);
  await client.send("HeapProfiler.collectGarbage");
  await client.send("Performance.enable");
  const { metrics } = await client.send("Performance.getMetrics");
  await client.detach();
  const value = (name: string) => metrics.find((metric) => metric.name === name)?.value ?? 0;
  return { heapBytes: value("JSHeapUsedSize"), nodes: value("Nodes") };
}

/** Milliseconds from the start of the navigation to the first paint with content. */
export function firstPaint(page: Page): Promise<number> {
  return page.evaluate(async () => {
    for (;;) {
      const entry = performance.getEntriesByName("first-contentful-paint").at(0);
      if (entry !== undefined) return entry.startTime;
      await new Promise((resolve) => requestAnimationFrame(resolve));
    }
  });
}
