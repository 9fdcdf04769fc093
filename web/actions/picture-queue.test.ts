import { afterEach, expect, it } from "vitest";
import { holdPictures, loadPicture } from "./picture-queue.ts";

/** What the queue uses of an image element. */
class Image extends EventTarget {
  src = "";
  complete = false;
  removeAttribute(name: string) {
    if (name === "src") this.src = "";
  }
  arrive(how: "load" | "error" = "load") {
    this.complete = true;
    this.dispatchEvent(new Event(how));
  }
}

const given: (() => void)[] = [];
const want = (names: string) =>
  Array.from(names, (name) => {
    const image = new Image();
    const giveUp = loadPicture(image as unknown as HTMLImageElement, name);
    given.push(giveUp);
    return { image, giveUp };
  });
const asked = (all: { image: Image }[]) => all.map(({ image }) => image.src).join("");
afterEach(() => {
  for (const giveUp of given.splice(0)) giveUp();
});

it("loads three at a time, in order, and goes on when one has come or failed", () => {
  const all = want("abcdefg");
  expect(asked(all)).toBe("abc");
  all[2].image.arrive();
  expect(asked(all)).toBe("abcd");
  all[0].image.arrive("error");
  all[0].image.arrive();
  expect(asked(all)).toBe("abcde");
});

it("begins none while it is held", () => {
  const all = want("abcde");
  holdPictures(true);
  all[0].image.arrive();
  expect(asked(all)).toBe("abc");
  holdPictures(false);
  expect(asked(all)).toBe("abcd");
});

it("gives up those that nobody waits for, loading or not, and keeps those that have come", () => {
  const all = want("abcdef");
  all[0].image.arrive();
  expect(asked(all)).toBe("abcd");
  for (const at of [0, 1, 5]) all[at].giveUp();
  expect(asked(all)).toBe("acde");
  all.push(...want("gh"));
  expect(asked(all)).toBe("acde");
  all[2].image.arrive();
  expect(asked(all)).toBe("acdeg");
});
