import { useLayoutEffect, useRef } from "react";

/** Where keys are heard: on the page while no dialog is open, or inside one. */
type Place = "page" | "dialog";

/** What of a key press its name follows from. */
interface Press {
  key: string;
  code: string;
  shiftKey: boolean;
  ctrlKey: boolean;
  metaKey: boolean;
}

/**
 * The names that a key press may go by, the first that is known counts. Letters follow Shift alone, whatever Caps Lock
 * does; digits are also known by their place, because a French keyboard gives them with Shift only. Ctrl (or Cmd) and a
 * key is called `Ctrl+` and the key.
 */
export function keyNamesOf({ key, code, shiftKey, ctrlKey, metaKey }: Press): string[] {
  const letter = /^\p{L}$/u.test(key);
  const name = letter ? (shiftKey ? key.toUpperCase() : key.toLowerCase()) : key;
  if (ctrlKey || metaKey) return [`Ctrl+${name}`];
  const digit = /^(?:Digit|Numpad)(\d)$/.exec(code)?.[1];
  return digit === undefined || shiftKey || digit === name ? [name] : [name, digit];
}

const REPEATED = /^Arrow/;

/**
 * Listens to keys by name, but not while somebody types into a field, nor with Alt. A key that is held repeats only
 * where it moves. On the page keys are not heard while a dialog is open. Whether one is open is asked of the browser: it
 * closes one a moment before the page hears of it, and a key pressed then must not be lost.
 */
export function useKeys(actions: Record<string, () => unknown>, place: Place = "page"): void {
  const latest = useRef(actions);
  latest.current = actions;
  useLayoutEffect(() => {
    const press = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      const action = keyNamesOf(event)
        .map((name) => latest.current[name])
        .find((known) => known !== undefined);
      if (action === undefined || event.altKey || event.defaultPrevented) return;
      if (target.matches("input:not([type=range]):not([type=checkbox]), textarea, select")) return;
      if ((document.querySelector("dialog[open]") !== null) !== (place === "dialog")) return;
      if (target.matches("input[type=range]") && event.key.startsWith("Arrow")) return;
      // Enter on a button is the button's own.
      if (event.key === "Enter" && target.matches("button:not(.face), a")) return;
      event.preventDefault();
      if (!event.repeat || REPEATED.test(event.key)) action();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, [place]);
}
