/** What the browser remembers: who labels, sizes, theme, and labels that are not saved yet. */
import { useSyncExternalStore } from "react";

const PREFIX = "skyloop.";

/** Keeps a value in this browser, as JSON. Does nothing where the browser keeps nothing. */
export function remember(key: string, value: unknown): void {
  try {
    localStorage.setItem(PREFIX + key, JSON.stringify(value));
  } catch {
    // A browser that keeps nothing (private mode, full) still works; only what it would remember is asked again.
  }
}

/** A value that this browser kept; `otherwise` where there is none or it cannot be read. */
export function recall<T>(key: string, otherwise: T): T {
  try {
    const text = localStorage.getItem(PREFIX + key);
    return text === null ? otherwise : (JSON.parse(text) as T);
  } catch {
    return otherwise;
  }
}

/** Removes a value from this browser. */
export function forget(key: string): void {
  try {
    localStorage.removeItem(PREFIX + key);
  } catch {
    // Nothing was kept.
  }
}

/** The keys that begin with `start`. */
export function remembered(start: string): string[] {
  try {
    return Object.keys(localStorage).flatMap((key) =>
      key.startsWith(PREFIX + start) ? [key.slice(PREFIX.length)] : [],
    );
  } catch {
    return [];
  }
}

/** A key that nobody else makes. Browsers offer randomUUID only on pages that came from this machine or over HTTPS. */
export function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The name of this window, for as long as the page lives: its keys begin with it. */
export const TAB = newKey();

/**
 * On their own machine people need no name; those who come over the network get one of their own, so that their labels
 * are not taken for another's.
 */
const unnamed = (): string => {
  if (["localhost", "127.0.0.1", "[::1]"].includes(location.hostname)) return "me";
  const name = recall("guest", `guest-${newKey().slice(0, 4)}`);
  remember("guest", name);
  return name;
};

/** The name of the person at this browser; one is made up where none was given. */
export const whoAmI = (): string => recall<string | null>("who", null) ?? unnamed();

const CHANGED = "skyloop-who";

/** Changes the name of the person at this browser, on all parts of the page. */
export function setWho(name: string): void {
  remember("who", name);
  dispatchEvent(new Event(CHANGED));
}

function subscribe(onChange: () => void): () => void {
  addEventListener(CHANGED, onChange);
  return () => removeEventListener(CHANGED, onChange);
}

/** Who labels, kept up to date while the name is being changed. */
export const useWho = (): string => useSyncExternalStore(subscribe, whoAmI);
