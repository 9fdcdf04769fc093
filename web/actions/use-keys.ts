import { useEffect, useRef } from "react";

/**
 * Listens to keys by name, but not while a dialog is open, while somebody types into a field, or with Ctrl, Alt or Meta. Whether a dialog is open
 * is asked of the browser: it closes one a moment before the page hears of it, and a key pressed then must not be lost.
 */
export function useKeys(actions: Record<string, () => unknown>): void {
  const latest = useRef(actions);
  latest.current = actions;
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      const typing = target.matches("input:not([type=range]), textarea, select") || event.ctrlKey || event.metaKey || event.altKey;
      const action = latest.current[event.key];
      if (typing || action === undefined || document.querySelector("dialog[open]") !== null) return;
      if (target.matches("input[type=range]") && event.key.startsWith("Arrow")) return;
      // Enter on a button is the button's own.
      if (event.key === "Enter" && target.matches("button:not(.face), a")) return;
      event.preventDefault();
      action();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
}
