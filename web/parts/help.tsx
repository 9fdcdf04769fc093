import { Dialog } from "./dialog.tsx";

export const KEYS: [string, string][] = [
  ["← ↑ → ↓", "move"],
  ["1", "positive, and on to the next"],
  ["0", "negative, and on to the next"],
  ["u", "unsure, and on to the next"],
  ["Backspace", "clear the label"],
  ["x", "mark the rest negative"],
  ["o", "look at the object closely"],
  ["z / Shift+z", "undo / redo"],
  ["Enter", "next round"],
  ["?", "this list"],
];

export function Help({ onClose }: { onClose(): void }) {
  return (
    <Dialog title="Keys" onClose={onClose}>
      <table className="keys">
        <tbody>
          {KEYS.map(([key, meaning]) => (
            <tr key={key}>
              <th scope="row">
                <kbd>{key}</kbd>
              </th>
              <td>{meaning}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className="hint">
        With the mouse: a click goes from positive to negative to no label. Shift+click gives every object between two clicks the label of the first.
      </p>
    </Dialog>
  );
}
