import type { AnchorHTMLAttributes } from "react";
import { go } from "../actions/route.ts";

/** A link to another page of this program: opened here by a click, elsewhere as the browser does. */
export function Link({ href, ...others }: AnchorHTMLAttributes<HTMLAnchorElement> & { href: string }) {
  return (
    <a
      {...others}
      href={href}
      onClick={(event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
        event.preventDefault();
        go(href);
      }}
    />
  );
}
