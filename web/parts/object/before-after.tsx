import { useEffect, useState } from "react";
import type { ImageHead } from "../../../src/contract/predictions.ts";
import { improvedUrl, pictureUrl } from "../../client/api.ts";
import { Picture } from "../picture.tsx";

/**
 * An object as it is and as a trained head makes it, one over the other with a slider between; nothing where the server
 * has no such head.
 */
export function BeforeAfter({ survey, object, heads }: { survey: string; object: string; heads: ImageHead[] }) {
  const [head, setHead] = useState<ImageHead | null>(null);
  const [share, setShare] = useState(50);
  const [after, setAfter] = useState<{ url: string } | { failure: string } | null>(null);
  useEffect(() => {
    if (head === null) return;
    let [gone, url] = [false, ""];
    setAfter(null);
    improvedUrl(survey, object, head.name).then(
      (made) => {
        url = made;
        if (gone) URL.revokeObjectURL(made);
        else setAfter({ url: made });
      },
      (error: Error) => (gone ? undefined : setAfter({ failure: error.message })),
    );
    return () => {
      gone = true;
      if (url !== "") URL.revokeObjectURL(url);
    };
  }, [survey, object, head]);
  if (heads.length === 0) return null;
  return (
    <section aria-label="Before and after" className="before-after">
      <h3>Before and after</h3>
      <p>
        {heads.map((one) => (
          <button
            key={one.name}
            type="button"
            aria-pressed={head?.name === one.name}
            onClick={() => setHead(head?.name === one.name ? null : one)}
          >
            {one.caption} <span className="hint">{one.name}</span>
          </button>
        ))}
      </p>
      {head !== null && after === null && <p className="hint">Computing…</p>}
      {after !== null && "failure" in after && (
        <p className="notice" role="alert">
          {after.failure}
        </p>
      )}
      {head !== null && after !== null && "url" in after && (
        <>
          <div className="pair">
            <Picture url={pictureUrl(survey, object, 512)} alt={`${object} as it is`} />
            <img
              src={after.url}
              alt={`${object}, ${head.caption.toLowerCase()}`}
              style={{ clipPath: `inset(0 0 0 ${share}%)` }}
            />
          </div>
          <label className="split">
            <span>before</span>
            <input
              type="range"
              min="0"
              max="100"
              value={share}
              aria-label="Share of the picture that is shown as it is"
              onChange={(event) => setShare(Number(event.target.value))}
            />
            <span>after</span>
          </label>
        </>
      )}
    </section>
  );
}
