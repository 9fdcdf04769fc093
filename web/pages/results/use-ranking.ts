import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { RankedRow } from "../../../src/contract/api.ts";
import { api } from "../../client/api.ts";
import { addFilter, type Filter, NO_FILTER } from "./filter.ts";

/** Rows of a question. */
export const PAGE = 200;
/** Pages of rows that are kept: those around what is looked at. */
const PAGES_KEPT = 24;

/** The pages with one more, without those that are farthest from it. */
function withPage(pages: Map<number, RankedRow[]>, page: number, rows: RankedRow[], forget: (page: number) => void) {
  const all = new Map(pages).set(page, rows);
  const far = [...all.keys()].sort((a, b) => Math.abs(b - page) - Math.abs(a - page));
  for (const one of far.slice(0, Math.max(0, all.size - PAGES_KEPT))) {
    all.delete(one);
    forget(one);
  }
  return all;
}

/** Rows of the ranking, page by page as they are needed. */
export function useRanking(id: string, learned: number) {
  const [filter, setFilter] = useState<Filter>(NO_FILTER);
  const [pages, setPages] = useState<Map<number, RankedRow[]>>(new Map());
  const [total, setTotal] = useState<number | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const asked = useRef(new Set<number>());
  // Rows of the ranking before stand until the first of the new one are there: a page that empties itself is not what
  // somebody looks at.
  const old = useRef(false);
  const shownOf = useRef(learned);
  const [renewed, setRenewed] = useState(0);
  const query = useMemo(() => addFilter(new URLSearchParams(), filter), [filter]);
  const load = useCallback(
    async (page: number) => {
      const mine = asked.current;
      if (mine.has(page)) return;
      mine.add(page);
      const wanted = new URLSearchParams([...query, ["offset", String(page * PAGE)], ["limit", String(PAGE)]]);
      try {
        const answer = await api.ranking(id, wanted);
        // The answer to a question that is no longer asked.
        if (asked.current !== mine) return;
        const replace = old.current;
        old.current = false;
        setTotal(answer.total);
        setPages((before) => withPage(replace ? new Map() : before, page, answer.rows, (far) => void mine.delete(far)));
      } catch (error) {
        mine.delete(page);
        setFailure((error as Error).message);
      }
    },
    [id, query],
  );
  const reload = useCallback(() => {
    asked.current = new Set();
    old.current = false;
    setPages(new Map());
    setFailure(null);
    void load(0);
  }, [load]);
  useEffect(reload, [reload]);
  useEffect(() => {
    if (shownOf.current === learned) return;
    shownOf.current = learned;
    if (!total) return reload();
    asked.current = new Set();
    old.current = true;
    setFailure(null);
    setRenewed((count) => count + 1);
  }, [learned, total, reload]);
  return { filter, setFilter, query, pages, total, failure, load, reload, renewed };
}

/** What `useRanking` gives: the rows that are loaded, and how to load more. */
export type RankingRows = ReturnType<typeof useRanking>;
