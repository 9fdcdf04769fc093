import { type DependencyList, useEffect, useState } from "react";

/** What a question came to: nothing yet, an answer, or the reason that there is none. */
export interface Asked<T> {
  answer: T | null;
  failure: string | null;
  /** Whether the answer to the present question is still to come; with `keep`, `answer` is that of the one before. */
  pending: boolean;
}

const NOTHING: Asked<never> = { answer: null, failure: null, pending: false };

/**
 * Asks again whenever `about` changes; what is answered to an older question is dropped. `ask` returns null where there
 * is nothing to ask. With `keep` the old answer stands until the new one is there.
 */
export function useAsked<T>(ask: () => Promise<T> | null, about: DependencyList, keep = false): Asked<T> {
  const [asked, setAsked] = useState<Asked<T>>(NOTHING);
  useEffect(() => {
    let gone = false;
    const asking = ask();
    const pending = asking !== null;
    setAsked((before) => ({ ...(keep ? before : NOTHING), pending }));
    asking?.then(
      (answer) => void (!gone && setAsked({ answer, failure: null, pending: false })),
      (error: Error) => void (!gone && setAsked((before) => ({ ...before, failure: error.message, pending: false }))),
    );
    return () => {
      gone = true;
    };
    // biome-ignore lint/correctness/useExhaustiveDependencies: the caller says what the question is about
  }, about);
  return asked;
}
