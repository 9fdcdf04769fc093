/** Which page is shown follows from the address alone. */
import { useEffect, useSyncExternalStore } from "react";

export type Route =
  | { page: "home" }
  | { page: "start"; survey: string; ids: string | null }
  | { page: "map"; survey: string; session: string | null }
  | { page: "label"; session: string }
  | { page: "results"; session: string };

function parse(address: string): Route {
  const { pathname, searchParams } = new URL(address, location.origin);
  const [, first, second, third] = pathname.split("/").map(decodeURIComponent);
  if (first === "start" && second) return { page: "start", survey: second, ids: searchParams.get("ids") };
  if (first === "map" && second) return { page: "map", survey: second, session: searchParams.get("session") };
  if (first === "session" && second)
    return third === "results" ? { page: "results", session: second } : { page: "label", session: second };
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
  return parse(useSyncExternalStore(subscribe, () => location.pathname + location.search));
}

/** The name of the window, so that tabs and bookmarks can be told apart. */
export function useTitle(title: string | undefined): void {
  useEffect(() => {
    document.title = title === undefined ? "Skyloop" : `${title} · Skyloop`;
    return () => {
      document.title = "Skyloop";
    };
  }, [title]);
}
