/** Who is logged in, and what they may do, asked once for the whole page. */
import { useSyncExternalStore } from "react";
import type { Me, Role } from "../../src/contract/people.ts";
import { api } from "../client/api.ts";
import { goToLogin } from "../client/http.ts";
import { setWho } from "./memory.ts";

let me: Me | null = null;
let asked = false;
const watching = new Set<() => void>();

function subscribe(onChange: () => void): () => void {
  watching.add(onChange);
  if (!asked) {
    asked = true;
    api.me().then(
      (found) => {
        if (found.accounts && found.name === null) goToLogin();
        if (found.name !== null) setWho(found.name);
        me = found;
        for (const tell of watching) tell();
        // A server that cannot say who asks shows its trouble elsewhere.
      },
      () => {},
    );
  }
  return () => watching.delete(onChange);
}

/** Who is logged in; null until the server has said so. */
export const useMe = (): Me | null => useSyncExternalStore(subscribe, () => me);

/** Whether the person at this page has a role. Until the server has said who it is they have: it refuses what is not. */
export function useMay(role: Role): boolean {
  const found = useMe();
  const order: Role[] = ["viewer", "labeller", "owner"];
  return found === null || order.indexOf(found.role) >= order.indexOf(role);
}
