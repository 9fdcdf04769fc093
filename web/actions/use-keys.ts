import { useEffect, useRef } from "react";

/** Listens to keys by name while `on`, but not while somebody types into a field, and not with Ctrl, Alt or Meta. */
export function useKeys(on: boolean, actions: Record<string, () => unknown>): void {
  // Read when a key is pressed: a key that follows a closing dialog at once must not meet a listener that is not there yet.
  const latest = useRef({ on, actions });
  latest.current = { on, actions };
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      const typing = target.matches("input:not([type=range]), textarea, select") || event.ctrlKey || event.metaKey || event.altKey;
      const action = latest.current.on ? latest.current.actions[event.key] : undefined;
      if (typing || action === undefined || (target.matches("input[type=range]") && event.key.startsWith("Arrow"))) return;
      // Enter on a button is the button's own.
      if (event.key === "Enter" && target.matches("button:not(.face), a")) return;
      event.preventDefault();
      action();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
}
