import { pages } from "../actions/route.ts";
import { Link } from "./link.tsx";

/** Says that a page cannot be shown, and where to go instead. */
export function PageFailure({ what, why }: { what: string; why: string }) {
  return (
    <div className="notice" role="alert">
      <p>
        {what}: {why}.
      </p>
      <Link href={pages.home()}>All surveys and searches</Link>
    </div>
  );
}
