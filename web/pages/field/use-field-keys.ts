import type { LabelValue } from "../../../src/contract/api.ts";
import type { Keys } from "../../actions/keys.ts";
import { useKeys } from "../../actions/use-keys.ts";
import type { LiveSession } from "../../session/use-session.ts";
import type { Shape } from "./paint.ts";

interface About {
  session: LiveSession | null;
  shapes: readonly Shape[];
  selected: string | null;
  setSelected(object: string | null): void;
  keys: Keys;
  toggle(): void;
  setDrawing(on: boolean): void;
  setOpen(object: string): void;
}

/** What keys do on the field page: verdicts as while labelling; arrows go through the objects by their scores. */
export function useFieldKeys({ session, shapes, selected, setSelected, keys, toggle, setDrawing, setOpen }: About) {
  const at = shapes.findIndex(({ object }) => object === selected);
  const step = (by: number) => {
    const next = shapes[at < 0 ? 0 : at + by];
    if (next !== undefined) setSelected(next.object);
  };
  const give = (value: LabelValue) => selected !== null && session?.label([selected], value);
  /** Labels and goes on to the next that has no label. */
  const advance = (value: LabelValue) => {
    if (at < 0 || session === null) return;
    give(value);
    const next = [...shapes.slice(at + 1), ...shapes.slice(0, at)].find(
      ({ object }) => session.labelOf(object) === null && object !== selected,
    );
    if (next !== undefined) setSelected(next.object);
  };
  useKeys({
    ArrowRight: () => step(1),
    ArrowDown: () => step(1),
    ArrowLeft: () => step(-1),
    ArrowUp: () => step(-1),
    [keys.positive]: () => advance("positive"),
    [keys.negative]: () => advance("negative"),
    [keys.unsure]: () => advance("unsure"),
    [keys.clear]: () => give("clear"),
    [keys.open]: () => selected !== null && at >= 0 && shapes[at].score !== null && setOpen(selected),
    [keys.outlines]: toggle,
    b: () => session !== null && setDrawing(true),
    Escape: () => setDrawing(false),
    [keys.undo]: () => session?.undo(),
    [keys.redo]: () => session?.redo(),
    "Ctrl+z": () => session?.undo(),
    "Ctrl+Z": () => session?.redo(),
    "Ctrl+y": () => session?.redo(),
  });
  return { step, give };
}
