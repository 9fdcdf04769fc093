import { useEffect, useRef } from "react";

/** Listens to keys by name while `on`, but not while somebody types into a field, and not with Ctrl, Alt or Meta. */
export function useKeys(on: boolean, actions: Record<string, () => unknown>): void {
  const latest = useRef(actions);
  latest.current = actions;
  useEffect(() => {
    if (!on) return;
    const press = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      const typing = target.matches("input:not([type=range]), textarea, select") || event.ctrlKey || event.metaKey || event.altKey;
      const action = latest.current[event.key];
      if (typing || action === undefined || (target.matches("input[type=range]") && event.key.startsWith("Arrow"))) return;
      // Enter on a button is the button's own.
      if (event.key === "Enter" && target.matches("button:not(.face), a")) return;
      event.preventDefault();
      action();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, [on]);
}
