/** What the browser remembers: who labels, sizes, theme, and labels that are not saved yet. */
export function remember(key: string, value: unknown): void {
  try {
    localStorage.setItem(`skyloop.${key}`, JSON.stringify(value));
  } catch {
    // A browser that keeps nothing (private mode, full) still works; only what it would remember is asked again.
  }
}

export function recall<T>(key: string, otherwise: T): T {
  try {
    const text = localStorage.getItem(`skyloop.${key}`);
    return text === null ? otherwise : (JSON.parse(text) as T);
  } catch {
    return otherwise;
  }
}

export const whoAmI = (): string => recall("who", "me");
