/** Which key does what while labelling; people change it in the list of keys, and the browser remembers. */
import { recall, remember } from "./memory.ts";

/** What keys do on the labelling page: name, default key, and its description in the help. */
export const ACTIONS = [
  ["positive", "1", "positive, and on to the next"],
  ["negative", "0", "negative, and on to the next"],
  ["unsure", "u", "unsure, and on to the next"],
  ["artefact", "a", "artefact: negative, and nothing like it is shown any more"],
  ["clear", "Backspace", "clear the label"],
  ["rest", "x", "mark the rest negative"],
  ["tag", "t", "tags of the object"],
  ["open", "o", "look at the object closely"],
  ["outlines", "m", "outlines of detections: shown or not"],
  ["field", "f", "the image around a detection"],
  ["undo", "z", "undo"],
  ["redo", "Z", "redo"],
  ["next", "Enter", "next round"],
  ["help", "?", "this list"],
] as const;

/** One of the things that a key does on the labelling page. */
export type Action = (typeof ACTIONS)[number][0];

/** Which key a person has given to what. */
export type Keys = Record<Action, string>;

/** The keys of a person who has chosen none. */
export const DEFAULT_KEYS = Object.fromEntries(ACTIONS.map(([action, key]) => [action, key])) as Keys;

/** The keys that were chosen in this browser, with defaults for the rest. */
export const recallKeys = (): Keys => ({ ...DEFAULT_KEYS, ...recall<Partial<Keys>>("keys", {}) });

/**
 * Gives `action` the key; an action that had it gets the other's, so that none is left without. Arrows and Escape stay
 * what they are.
 */
export function assign(keys: Keys, action: Action, key: string): Keys {
  if (/^(Arrow|Escape|Tab|Shift$|Control|Alt|Meta)/.test(key)) return keys;
  const changed = { ...keys, [action]: key };
  for (const other of Object.keys(keys) as Action[])
    if (other !== action && keys[other] === key) changed[other] = keys[action];
  remember("keys", changed);
  return changed;
}
