/** A session as the page sees it: the server's state, what is not saved yet on top, and what can be done. */
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { LabelState, LabelValue, Page, Saved, SessionState, StreamMessage } from "../../src/contract/api.ts";
import { api, listen } from "../api.ts";
import { type Change, LabelQueue } from "./label-queue.ts";
import { newKey } from "./memory.ts";
import { mergePage } from "./merge-page.ts";
import { inHand } from "./pointer.ts";

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
  /** A later round that somebody else has begun. */
  ahead: number | null;
  /** Grows whenever a ranking or its assessment arrives. */
  learned: number;
  /** Labels objects; what is done with the same `action` is undone together. */
  label(objects: readonly string[], value: LabelValue, action?: string): void;
  tag(object: string, tag: string, on: boolean): void;
  undo(): void;
  redo(): void;
  next(): void;
  setAlpha(alpha: number): void;
  dismiss(): void;
}

/** Follows a session; without an id there is none, and nothing is asked. */
export function useSession(id: string | null, who: string): { session: LiveSession | null; failure: string | null } {
  const [state, setState] = useState<SessionState | null>(null);
  const [page, setPage] = useState<Page | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const [queueState, setQueueState] = useState({ pending: 0, offline: false });
  const [connected, setConnected] = useState(true);
  const [work, setWork] = useState<Work | null>(null);
  const [notice, setNotice] = useState<string | null>(null);
  const [learned, setLearned] = useState(0);
  const [ahead, setAhead] = useState<number | null>(null);
  const queue = useRef<LabelQueue | null>(null);
  const labels = useRef<Record<string, LabelState>>({});
  const seen = useRef(0);
  const going = useRef(false);
  const steps = useRef({ undo: false, redo: false });
  const newest = useRef(0);
  const last = useRef<Promise<unknown>>(Promise.resolve());
  seen.current = page?.round ?? 0;

  const show = useCallback((fresh: Page) => {
    // A round that somebody else has begun does not take this one away.
    if (seen.current > 0 && fresh.round > seen.current && !going.current) return setAhead(fresh.round);
    const waiting = new Set(queue.current?.waiting.map(({ object }) => object));
    setAhead(null);
    setPage((shown) =>
      mergePage(
        shown,
        fresh,
        (object) => labels.current[object]?.value != null || waiting.has(object) || inHand(object),
      ),
    );
  }, []);

  /** Of two answers about what can be undone the one that knows more events counts, whichever comes last. */
  const stepTo = useCallback(
    ({ lastSeq, canUndo, canRedo }: { lastSeq: number; canUndo: boolean; canRedo: boolean }) => {
      if (lastSeq < newest.current) return;
      newest.current = lastSeq;
      steps.current = { undo: canUndo, redo: canRedo };
    },
    [],
  );

  const refresh = useCallback(async () => {
    if (id === null) return;
    try {
      const fresh = await api.session(id, who);
      labels.current = fresh.labels;
      stepTo(fresh);
      setState(fresh);
      if (fresh.page !== null) show(fresh.page);
      setFailure(null);
    } catch (error) {
      setFailure((error as Error).message);
    }
  }, [id, who, show, stepTo]);

  const apply = useCallback(
    (saved: Saved) => {
      stepTo(saved);
      setState((before) => {
        if (before === null) return before;
        const merged = { ...before.labels, ...saved.labels };
        for (const [object, label] of Object.entries(saved.labels))
          if (label.value === null && label.tags.length === 0) delete merged[object];
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
      });
    },
    [stepTo],
  );

  useEffect(() => {
    if (id === null) return;
    newest.current = 0;
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
      if (message.type === "progress")
        setWork(message.done >= message.total && message.stage === "score" ? null : message);
      else if (message.type === "page") {
        show(message.page);
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
    const start = () =>
      listen(id, hear, (open) => {
        setConnected(open);
        if (!open) return;
        void mine.flush();
        later();
      });
    // Browsers open six connections to a server: tabs that nobody looks at give theirs back.
    let stop: (() => void) | null = null;
    const look = () => {
      if (document.hidden) {
        stop?.();
        stop = null;
      } else stop ??= start();
    };
    look();
    document.addEventListener("visibilitychange", look);
    return () => {
      document.removeEventListener("visibilitychange", look);
      stop?.();
      mine.close();
      clearTimeout(timer);
    };
  }, [id, who, refresh, apply, show]);

  const act = useCallback((action: () => Promise<unknown>) => {
    const run = async () => {
      await queue.current?.flush();
      await action();
    };
    // One after another: whether there is something to undo is known when the action before is answered.
    last.current = last.current.then(run).catch((error: Error) => setNotice(error.message));
  }, []);

  const actions = useMemo(() => {
    const session = id ?? "";
    return {
      label: (objects: readonly string[], value: LabelValue, action?: string) =>
        queue.current?.add(
          objects.map((object): Change => ({ object, value })),
          action ?? newKey(),
        ),
      tag: (object: string, tag: string, on: boolean) =>
        queue.current?.add([on ? { object, addTag: tag } : { object, removeTag: tag }]),
      undo: () => act(async () => void (steps.current.undo && apply(await api.undo(session, who)))),
      redo: () => act(async () => void (steps.current.redo && apply(await api.redo(session, who)))),
      next: () => {
        // A second Enter while the first one's page is on its way is not another round.
        if (going.current) return;
        going.current = true;
        act(async () => {
          setWork({ stage: "learn", done: 0, total: 1 });
          try {
            show(await api.nextRound(session, who, seen.current));
            await refresh();
          } finally {
            setWork((now) => (now?.stage === "learn" ? null : now));
            going.current = false;
          }
        });
      },
      setAlpha: (alpha: number) => act(async () => setState(await api.alpha(session, who, alpha))),
      dismiss: () => setNotice(null),
    };
  }, [id, who, act, apply, refresh, show]);

  if (state === null) return { session: null, failure };
  const waiting = queue.current?.waiting ?? [];
  const given = new Map(
    waiting.flatMap(({ object, value }) => (value === undefined ? [] : [[object, value] as const])),
  );
  return {
    failure,
    session: {
      state,
      page,
      labelOf: (object) => {
        const value = given.get(object) ?? state.labels[object]?.value ?? null;
        return value === "clear" ? null : value;
      },
      tagsOf: (object) => {
        const tags = new Set(state.labels[object]?.tags);
        for (const one of waiting)
          if (one.object === object) {
            if (one.addTag !== undefined) tags.add(one.addTag);
            if (one.removeTag !== undefined) tags.delete(one.removeTag);
          }
        return [...tags];
      },
      isPending: (object) => given.has(object),
      pending: queueState.pending,
      connected: connected && !queueState.offline,
      work,
      notice,
      ahead,
      learned,
      ...actions,
    },
  };
}
