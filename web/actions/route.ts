/** Which page is shown follows from the address alone. */
import { useSyncExternalStore } from "react";

export type Route = { page: "home" } | { page: "start"; survey: string } | { page: "label"; session: string } | { page: "results"; session: string };

function parse(path: string): Route {
  const [, first, second, third] = path.split("/").map(decodeURIComponent);
  if (first === "start" && second) return { page: "start", survey: second };
  if (first === "session" && second) return third === "results" ? { page: "results", session: second } : { page: "label", session: second };
  return { page: "home" };
}

const CHANGED = "skyloop-route";

export function go(path: string): void {
  history.pushState(null, "", path);
  dispatchEvent(new Event(CHANGED));
  scrollTo(0, 0);
}

function subscribe(onChange: () => void): () => void {
  addEventListener("popstate", onChange);
  addEventListener(CHANGED, onChange);
  return () => {
    removeEventListener("popstate", onChange);
    removeEventListener(CHANGED, onChange);
  };
}

export function useRoute(): Route {
  return parse(useSyncExternalStore(subscribe, () => location.pathname));
}
