import { expect, it } from "vitest";
import { keyNamesOf } from "./use-keys.ts";

const press = (key: string, code: string, held: { shift?: boolean; ctrl?: boolean } = {}) =>
  keyNamesOf({ key, code, shiftKey: held.shift === true, ctrlKey: held.ctrl === true, metaKey: false });

it.each([
  ["a plain digit", press("1", "Digit1"), ["1"]],
  ["a digit of a French keyboard", press("&", "Digit1"), ["&", "1"]],
  ["the same with Shift, where it gives the digit itself", press("1", "Digit1", { shift: true }), ["1"]],
  ["an exclamation mark is no 1", press("!", "Digit1", { shift: true }), ["!"]],
  ["a digit block without Num Lock", press("End", "Numpad1"), ["End", "1"]],
  ["z with Caps Lock", press("Z", "KeyZ"), ["z"]],
  ["Shift and z with Caps Lock", press("z", "KeyZ", { shift: true }), ["Z"]],
  ["Ctrl and z with Caps Lock", press("Z", "KeyZ", { ctrl: true }), ["Ctrl+z"]],
  ["Enter", press("Enter", "Enter"), ["Enter"]],
])("%s", (_what, names, wanted) => {
  expect(names).toEqual(wanted);
});
