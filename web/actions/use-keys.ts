import { useLayoutEffect, useRef } from "react";

/** Where keys are heard: on the page while no dialog is open, or inside one. */
type Place = "page" | "dialog";

/**
 * Listens to keys by name, but not while somebody types into a field, nor with Alt; Ctrl (or Cmd) and a key is called
 * `Ctrl+` and the key. On the page they are not heard while a dialog is open. Whether one is open is asked of the
 * browser: it closes one a moment before the page hears of it, and a key pressed then must not be lost.
 */
export function useKeys(actions: Record<string, () => unknown>, place: Place = "page"): void {
  const latest = useRef(actions);
  latest.current = actions;
  useLayoutEffect(() => {
    const press = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      const name = event.ctrlKey || event.metaKey ? `Ctrl+${event.key}` : event.key;
      const action = latest.current[name];
      if (action === undefined || event.altKey || event.defaultPrevented) return;
      if (target.matches("input:not([type=range]):not([type=checkbox]), textarea, select")) return;
      if ((document.querySelector("dialog[open]") !== null) !== (place === "dialog")) return;
      if (target.matches("input[type=range]") && event.key.startsWith("Arrow")) return;
      // Enter on a button is the button's own.
      if (event.key === "Enter" && target.matches("button:not(.face), a")) return;
      event.preventDefault();
      action();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, [place]);
}
