import { useMemo } from "react";
import type { DrawnBox, FieldView } from "../../../src/contract/fields.ts";
import { pathOf, toShown, turnedBox } from "../../parts/field/turn.ts";
import type { Shape } from "./paint.ts";

/** What lies in a field, highest score first, without candidates below a score; what people drew comes last. */
export function useShapes(field: FieldView | null, boxes: Record<string, DrawnBox>, least: number): Shape[] {
  const found = useMemo(
    () =>
      (field?.candidates ?? []).map((one): Shape => {
        const { object, score, box, outline } = one;
        const about = { object, score, box: turnedBox(toShown, field as FieldView, box) };
        return { ...about, outline: outline.length === 0 ? null : new Path2D(pathOf(field as FieldView, outline)) };
      }),
    [field],
  );
  return useMemo(() => {
    if (field === null) return [];
    const drawn = Object.entries(boxes).flatMap(([object, { field: name, box }]): Shape[] =>
      name === field.name ? [{ object, score: null, outline: null, box: turnedBox(toShown, field, box) }] : [],
    );
    return [...found.filter(({ score }) => (score ?? 1) >= least), ...drawn];
  }, [found, field, boxes, least]);
}
