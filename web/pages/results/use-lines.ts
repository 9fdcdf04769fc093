import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useRef, useState } from "react";
import type { RankedRow } from "../../../src/contract/api.ts";
import { PAGE, type RankingRows } from "./use-ranking.ts";

const [TILE, GAP] = [128, 12];
/** Height of a line beside its pictures. */
const CAPTION = 38;

/** As many columns of pictures as an element has room for, three at least. */
function useColumns(element: React.RefObject<HTMLElement | null>) {
  const [layout, setLayout] = useState({ columns: 6, size: TILE });
  useEffect(() => {
    const target = element.current;
    if (target === null) return;
    const observer = new ResizeObserver(([{ contentRect }]) => {
      const room = contentRect.width + GAP;
      const columns = Math.max(3, Math.floor(room / (TILE + GAP)));
      setLayout({ columns, size: Math.min(TILE, Math.floor(room / columns) - GAP) });
    });
    observer.observe(target);
    return () => observer.disconnect();
  }, [element]);
  return layout;
}

/** The lines of a ranking that are in view, with their rows as far as they are there. */
export function useLines({ pages, total, load, renewed }: RankingRows) {
  const scroller = useRef<HTMLElement>(null);
  const { columns, size } = useColumns(scroller);
  const count = total ?? 0;
  const virtual = useVirtualizer({
    count: Math.ceil(count / columns),
    getScrollElement: () => scroller.current,
    estimateSize: () => size + CAPTION,
    overscan: 3,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: lines are as high as their pictures
  useEffect(() => virtual.measure(), [size]);
  const items = virtual.getVirtualItems();
  const from = (items[0]?.index ?? 0) * columns;
  const to = Math.min(count, ((items.at(-1)?.index ?? 0) + 1) * columns);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new ranking has other rows
  useEffect(() => {
    // Pages that are only flown over are not asked for.
    const timer = setTimeout(() => {
      for (let page = Math.floor(from / PAGE); page * PAGE < to; page++) void load(page);
    }, 60);
    return () => clearTimeout(timer);
  }, [from, to, load, renewed]);
  const rowAt = (place: number): RankedRow | undefined => pages.get(Math.floor(place / PAGE))?.[place % PAGE];
  const inSight = useMemo(() => {
    const places = Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
    return places.flatMap((place) => pages.get(Math.floor(place / PAGE))?.[place % PAGE]?.object ?? []);
  }, [pages, from, to]);
  const known = [...pages].sort(([a], [b]) => a - b).flatMap(([, rows]) => rows.map(({ object }) => object));
  const lines = items.map(({ index, start }) => ({
    index,
    start,
    rows: Array.from({ length: Math.min(columns, count - index * columns) }, (_, i) => rowAt(index * columns + i)),
  }));
  return { scroller, size, lines, heightPx: virtual.getTotalSize(), inSight, known };
}
