/** A session as the page sees it: the server's state, what is not saved yet on top, and what can be done. */
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { LabelState, LabelValue, NewLabel, Page, Saved, SessionState, StreamMessage } from "../../src/contract/api.ts";
import { api, listen } from "../api.ts";
import { LabelQueue } from "./label-queue.ts";
import { mergePage } from "./merge-page.ts";

export interface Work {
  stage: "learn" | "score" | "choose";
  done: number;
  total: number;
}

export interface LiveSession {
  state: SessionState;
  page: Page | null;
  labelOf(object: string): LabelValue | null;
  tagsOf(object: string): string[];
  isPending(object: string): boolean;
  pending: number;
  connected: boolean;
  work: Work | null;
  notice: string | null;
  /** Grows whenever a ranking or its assessment arrives. */
  learned: number;
  /** What must not move when a refined page arrives. */
  hold: React.RefObject<Set<string>>;
  label(labels: { object: string; value: LabelValue }[]): void;
  tag(object: string, tag: string, on: boolean): void;
  undo(): void;
  redo(): void;
  next(): void;
  setAlpha(alpha: number): void;
  dismiss(): void;
}

export function useSession(id: string, who: string): { session: LiveSession | null; failure: string | null } {
  const [state, setState] = useState<SessionState | null>(null);
  const [page, setPage] = useState<Page | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const [queueState, setQueueState] = useState({ pending: 0, offline: false });
  const [connected, setConnected] = useState(true);
  const [work, setWork] = useState<Work | null>(null);
  const [notice, setNotice] = useState<string | null>(null);
  const [learned, setLearned] = useState(0);
  const queue = useRef<LabelQueue | null>(null);
  const hold = useRef(new Set<string>());
  const labels = useRef<Record<string, LabelState>>({});

  const refresh = useCallback(async () => {
    try {
      const fresh = await api.session(id, who);
      labels.current = fresh.labels;
      setState(fresh);
      setPage((shown) => (shown !== null && fresh.page !== null && shown.round === fresh.page.round ? shown : fresh.page));
      setFailure(null);
    } catch (error) {
      setFailure((error as Error).message);
    }
  }, [id, who]);

  const apply = useCallback(
    (saved: Saved) =>
      setState((before) => {
        if (before === null) return before;
        const merged = { ...before.labels, ...saved.labels };
        for (const [object, label] of Object.entries(saved.labels)) if (label.value === null && label.tags.length === 0) delete merged[object];
        labels.current = merged;
        const count = (value: LabelValue) => Object.values(merged).filter((label) => label.value === value).length;
        return {
          ...before,
          labels: merged,
          canUndo: saved.canUndo,
          canRedo: saved.canRedo,
          lastSeq: saved.lastSeq,
          positives: count("positive"),
          negatives: count("negative"),
          unsure: count("unsure"),
        };
      }),
    [],
  );

  useEffect(() => {
    void refresh();
    const mine = new LabelQueue(id, who, { onSaved: apply, onState: setQueueState, onRefused: setNotice });
    queue.current = mine;
    setQueueState({ pending: mine.waiting.length, offline: false });
    let timer: ReturnType<typeof setTimeout> | undefined;
    const later = () => {
      clearTimeout(timer);
      timer = setTimeout(() => void refresh(), 120);
    };
    const hear = (message: StreamMessage) => {
      if (message.type === "progress") setWork(message.done >= message.total && message.stage === "score" ? null : message);
      else if (message.type === "page") {
        setPage((shown) => mergePage(shown, message.page, (object) => labels.current[object]?.value != null || hold.current.has(object)));
        later();
      } else if (message.type === "failed") {
        setWork(null);
        setNotice(message.message);
      } else {
        if (message.type === "ranked") setWork(null);
        if (message.type === "ranked" || message.type === "assessed") setLearned((before) => before + 1);
        later();
      }
    };
    const stop = listen(id, hear, (open) => {
      setConnected(open);
      if (open) {
        void mine.flush();
        later();
      }
    });
    return () => {
      stop();
      mine.close();
      clearTimeout(timer);
    };
  }, [id, who, refresh, apply]);

  const waiting = new Map<string, NewLabel>();
  for (const label of queue.current?.waiting ?? []) if (label.value !== undefined) waiting.set(label.object, label);

  const act = useCallback((action: () => Promise<unknown>) => {
    const run = async () => {
      await queue.current?.flush();
      await action();
    };
    run().catch((error: Error) => setNotice(error.message));
  }, []);

  const actions = useMemo(
    () => ({
      label: (list: { object: string; value: LabelValue }[]) => {
        for (const { object } of list) hold.current.add(object);
        queue.current?.add(list);
      },
      tag: (object: string, tag: string, on: boolean) => queue.current?.add([on ? { object, addTag: tag } : { object, removeTag: tag }]),
      undo: () => act(async () => apply(await api.undo(id, who))),
      redo: () => act(async () => apply(await api.redo(id, who))),
      next: () =>
        act(async () => {
          setWork({ stage: "learn", done: 0, total: 1 });
          hold.current.clear();
          try {
            const fresh = await api.nextRound(id, who);
            setPage((shown) => mergePage(shown, fresh, (object) => hold.current.has(object)));
            await refresh();
          } finally {
            setWork((now) => (now?.stage === "learn" ? null : now));
          }
        }),
      setAlpha: (alpha: number) => act(async () => setState(await api.alpha(id, who, alpha))),
      dismiss: () => setNotice(null),
    }),
    [id, who, act, apply, refresh],
  );

  if (state === null) return { session: null, failure };
  const given = (object: string): LabelValue | null => {
    const value = waiting.get(object)?.value ?? state.labels[object]?.value ?? null;
    return value === "clear" ? null : value;
  };
  return {
    failure,
    session: {
      state,
      page,
      labelOf: given,
      tagsOf: (object) => state.labels[object]?.tags ?? [],
      isPending: (object) => waiting.has(object),
      pending: queueState.pending,
      connected: connected && !queueState.offline,
      work,
      notice,
      learned,
      hold,
      ...actions,
    },
  };
}
