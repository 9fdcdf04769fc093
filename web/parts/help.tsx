import { useEffect, useState } from "react";
import { ACTIONS, type Action, assign, DEFAULT_KEYS, type Keys } from "../actions/keys.ts";
import { remember } from "../actions/memory.ts";
import { Dialog } from "./dialog.tsx";
import "./help.css";

const NAMES: Record<string, string> = { " ": "Space", Z: "Shift+z" };

/** The keys, each of which can be changed. */
export function Help({ keys, onKeys, onClose }: { keys: Keys; onKeys(keys: Keys): void; onClose(): void }) {
  const [changing, setChanging] = useState<Action | null>(null);
  useEffect(() => {
    if (changing === null) return;
    const press = (event: KeyboardEvent) => {
      event.preventDefault();
      event.stopPropagation();
      if (event.key !== "Shift") {
        onKeys(assign(keys, changing, event.key));
        setChanging(null);
      }
    };
    addEventListener("keydown", press, true);
    return () => removeEventListener("keydown", press, true);
  }, [changing, keys, onKeys]);
  return (
    <Dialog title="Keys" onClose={onClose}>
      <table className="keys">
        <tbody>
          <tr>
            <th scope="row">
              <kbd>← ↑ → ↓</kbd>
            </th>
            <td>move</td>
            <td />
          </tr>
          {ACTIONS.map(([action, , meaning]) => (
            <tr key={action}>
              <th scope="row">
                <kbd>{changing === action ? "press a key" : (NAMES[keys[action]] ?? keys[action])}</kbd>
              </th>
              <td>{meaning}</td>
              <td>
                <button
                  type="button"
                  className="quiet"
                  aria-label={`Change the key for: ${meaning}`}
                  onClick={() => setChanging(action)}
                >
                  change
                </button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className="hint">
        With the mouse: a click goes from positive to negative to no label. Drag over several objects to give all the
        first one's new label. Shift+click gives every object between two clicks the label of the first.
      </p>
      <button
        type="button"
        className="quiet"
        onClick={() => {
          remember("keys", DEFAULT_KEYS);
          onKeys(DEFAULT_KEYS);
        }}
      >
        Keys as they were at first
      </button>
    </Dialog>
  );
}
