/** Which page is shown follows from the address alone. */
import { useEffect, useSyncExternalStore } from "react";
import { BASE } from "../client/http.ts";

/** Which page an address shows. */
export type Route =
  | { page: "home" }
  | { page: "start"; survey: string; ids: string | null }
  | { page: "map"; survey: string; session: string | null }
  | { page: "field"; survey: string; session: string | null; field: string | null; object: string | null }
  | { page: "label"; session: string }
  | { page: "results"; session: string }
  | { page: "nowhere"; path: string };

/** Reads an address from `base` on. */
function parseRoute(address: string, base = BASE): Route {
  const { pathname, searchParams } = new URL(address, "http://page");
  const path = pathname.startsWith(base) ? pathname.slice(base.length) : pathname.slice(1);
  const [first, second, third] = path.split("/").map(decode);
  if (path === "" || path === "index.html") return { page: "home" };
  if (first === "start" && second) return { page: "start", survey: second, ids: searchParams.get("ids") };
  if (first === "map" && second) return { page: "map", survey: second, session: searchParams.get("session") };
  if (first === "field" && second) {
    const [session, field, object] = ["session", "field", "object"].map((name) => searchParams.get(name));
    return { page: "field", survey: second, session, field, object };
  }
  if (first === "session" && second && (third === undefined || third === "" || third === "results"))
    return third === "results" ? { page: "results", session: second } : { page: "label", session: second };
  return { page: "nowhere", path };
}

/** As it is where it is no proper escape. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Addresses of the pages, with the folder that the page lives in. */
export const pages = {
  home: (): string => BASE,
  start: (survey: string, ids?: readonly string[]): string =>
    `${BASE}start/${encodeURIComponent(survey)}${ids === undefined ? "" : `?ids=${encodeURIComponent(ids.join("\n"))}`}`,
  map: (survey: string, session?: string): string =>
    `${BASE}map/${encodeURIComponent(survey)}${session === undefined ? "" : `?session=${encodeURIComponent(session)}`}`,
  field: (survey: string, what: { session?: string; field?: string; object?: string } = {}): string => {
    const query = new URLSearchParams(what).toString();
    return `${BASE}field/${encodeURIComponent(survey)}${query === "" ? "" : `?${query}`}`;
  },
  label: (session: string): string => `${BASE}session/${encodeURIComponent(session)}`,
  results: (session: string): string => `${BASE}session/${encodeURIComponent(session)}/results`,
};

const CHANGED = "skyloop-route";

/** Goes to an address of `pages`. */
export function go(address: string): void {
  history.pushState(null, "", address);
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

/** The page that the address names now. */
export function useRoute(): Route {
  return parseRoute(useSyncExternalStore(subscribe, () => location.pathname + location.search));
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
