/**
 * A session at work in this window: gives the reducer its events and does what they ask for. One for each session, kept
 * as long as a page shows it or something waits to be written.
 */
import type { LabelValue } from "../../src/contract/api.ts";
import type { DrawnBox } from "../../src/contract/fields.ts";
import { TAB } from "../actions/memory.ts";
import { holdPictures } from "../actions/picture-queue.ts";
import { inHand } from "../actions/pointer.ts";
import { api } from "../client/api.ts";
import { failureOf } from "../client/http.ts";
import { listen } from "../live/listen.ts";
import { LabelQueue } from "./label-queue.ts";
import { adoptOps, keepOps } from "./left-behind.ts";
import { type Event, type Model, needsState, reduce, UNOPENED } from "./model.ts";
import type { Change } from "./pending.ts";

/** Events of other people come in bursts: the state is asked for once after them. */
const SETTLED_MS = 120;

/** The one owner of a session's state in this window: queue, live messages and requests meet here. */
export class SessionClient {
  readonly id: string;
  #who: string;
  #model: Model = UNOPENED;
  readonly #watchers = new Set<() => void>();
  readonly #queue: LabelQueue;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stop: (() => void) | null = null;
  /** Questions that wait for their turn: whether there is more to do is known when the one before is answered. */
  #last: Promise<unknown> = Promise.resolve();
  #count = 0;
  /** The last answer knew less than this page. */
  #late = false;

  constructor(id: string, who: string) {
    this.id = id;
    this.#who = who;
    this.#queue = new LabelQueue({
      labels: (by, labels) => api.label(id, by, labels),
      step: (kind, by, clientKey) => api.step(id, kind, by, clientKey),
      failureOf,
      keep: (ops) => keepOps(id, ops),
      later: (ms, then) => {
        const timer = setTimeout(then, ms);
        return () => clearTimeout(timer);
      },
      onSaved: (saved) => this.#dispatch({ type: "saved", saved }),
      onPending: (pending, trouble) => this.#dispatch({ type: "pending", pending, trouble }),
      onSending: holdPictures,
    });
    adoptOps(id, (ops) => this.#queue.adopt(ops));
    addEventListener("online", () => void this.#queue.flush());
  }

  get model(): Model {
    return this.#model;
  }

  /** Calls back at every change, and follows the session while anybody watches. */
  readonly watch = (onChange: () => void): (() => void) => {
    this.#watchers.add(onChange);
    if (this.#watchers.size === 1) this.#follow();
    return () => {
      this.#watchers.delete(onChange);
      if (this.#watchers.size > 0) return;
      this.#stop?.();
      this.#stop = null;
      clearTimeout(this.#timer);
    };
  };

  /** Who labels from now on: what can be undone is a person's own. */
  become(who: string): void {
    if (who === this.#who) return;
    this.#who = who;
    void this.#refresh();
  }

  label(objects: readonly string[], value: LabelValue, action = this.#newAction()): void {
    this.#add(
      objects.map((object) => ({ object, value })),
      action,
    );
  }

  /** Adds an object that the detector missed: drawn and positive, undone as one. */
  draw(object: string, box: DrawnBox): void {
    this.#add([{ object, box, value: "positive" }], this.#newAction());
  }

  tag(object: string, tag: string, on: boolean): void {
    this.#add([on ? { object, addTag: tag } : { object, removeTag: tag }], this.#newAction());
  }

  /** No galaxy to look at: negative, with the tag that keeps what is like it from being shown. */
  artefact(object: string): void {
    const changes = [
      { object, value: "negative" as const },
      { object, addTag: "artefact" },
    ];
    this.#add(changes, this.#newAction());
  }

  /** A name for what is to be undone as one. */
  readonly newAction = (): string => this.#newAction();

  step(kind: "undo" | "redo"): void {
    this.#queue.step(kind, this.#who, this.#newAction());
  }

  /** Asks for the next round; a second call while it is on its way is not another round. */
  next(): void {
    if (this.#model.going) return;
    this.#dispatch({ type: "round asked" });
    this.#ask(async () => {
      if (this.#queue.pending.ops.length > 0) {
        const why = this.#queue.trouble?.message ?? "labels are on their way";
        return this.#dispatch({ type: "round failed", message: `The next round waits for your labels: ${why}.` });
      }
      try {
        const page = await api.nextRound(this.id, this.#who, this.#model.page?.round ?? 0);
        this.#dispatch({ type: "round came", page, inHand });
      } catch (error) {
        this.#dispatch({ type: "round failed", message: (error as Error).message });
      }
    });
  }

  setAlpha(alpha: number): void {
    this.#ask(async () => {
      try {
        this.#dispatch({ type: "opened", state: await api.alpha(this.id, this.#who, alpha), inHand });
      } catch (error) {
        this.#dispatch({ type: "notice", message: (error as Error).message });
      }
    });
  }

  dismiss(): void {
    this.#dispatch({ type: "notice", message: null });
  }

  readonly refused = {
    retry: () => this.#queue.retryRefused(),
    discard: () => this.#queue.discardRefused(),
  };

  #newAction(): string {
    return `${TAB}.${this.#count++}`;
  }

  #add(changes: Change[], action: string): void {
    const shown = this.#model;
    const before = (object: string) => {
      const waiting = shown.overlay.values.get(object);
      return waiting === undefined ? (shown.state?.labels[object]?.value ?? null) : waiting;
    };
    this.#queue.add(changes, this.#who, action, before);
  }

  #ask(body: () => Promise<void>): void {
    this.#last = this.#last.then(() => this.#queue.flush()).then(body);
  }

  #dispatch(event: Event): void {
    const next = reduce(this.#model, event);
    if (next === this.#model) return;
    this.#model = next;
    if (next.state !== null) this.#queue.know({ undo: next.state.canUndo, redo: next.state.canRedo });
    for (const watcher of this.#watchers) watcher();
  }

  #follow(): void {
    void this.#refresh();
    this.#stop = listen(
      this.id,
      (message) => {
        if (needsState(this.#model, message, TAB)) this.#later();
        this.#dispatch({ type: "heard", message, inHand });
      },
      (connected) => {
        this.#dispatch({ type: "connected", connected });
        if (!connected) return;
        void this.#queue.flush();
        // What was said while nobody listened.
        this.#later();
      },
    );
  }

  #later(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#refresh(), SETTLED_MS);
  }

  async #refresh(): Promise<void> {
    try {
      const state = await api.session(this.id, this.#who);
      // An answer that was on its way while something was saved knows less than this page: once more. What the server
      // says twice is so (its database may be an older copy).
      this.#late = state.lastSeq < this.#model.lastSeq && !this.#late;
      if (this.#late) return this.#later();
      this.#dispatch({ type: "opened", state, inHand });
    } catch (error) {
      this.#dispatch({ type: "not opened", message: (error as Error).message });
    }
  }
}

const clients = new Map<string, SessionClient>();

/** This window's client of a session. */
export function clientOf(id: string, who: string): SessionClient {
  let client = clients.get(id);
  if (client === undefined) {
    client = new SessionClient(id, who);
    clients.set(id, client);
  }
  return client;
}
