import { fetchWithToken, tokenInUse } from "../client/http.ts";

/** A link to a file of the server's. The browser fetches it with its cookies alone: with a token it is fetched here. */
export function Download({
  href,
  className,
  children,
}: {
  href: string;
  className: string;
  children: React.ReactNode;
}) {
  return (
    <a
      className={className}
      href={href}
      download
      onClick={(event) => {
        if (tokenInUse() === null) return;
        event.preventDefault();
        void save(href);
      }}
    >
      {children}
    </a>
  );
}

async function save(href: string): Promise<void> {
  const answer = await fetchWithToken(href);
  const url = URL.createObjectURL(await answer.blob());
  const named = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition") ?? "");
  const link = Object.assign(document.createElement("a"), { href: url, download: named?.[1] ?? "" });
  link.click();
  // The browser reads it after this turn.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
