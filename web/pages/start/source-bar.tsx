import { go, pages } from "../../actions/route.ts";
import type { Draft } from "./draft.ts";
import { keepPicture } from "./pictures.ts";

interface Props {
  survey: string;
  draft: Draft;
  columns: boolean;
  onChange(more: Partial<Draft>): void;
}

/** Which objects examples are chosen from. */
export function SourceButtons({ survey, draft: { source, seed, chosen }, columns, onChange }: Props) {
  const kind = source.kind;
  const drawn = (wanted: "random" | "diverse") =>
    onChange(kind === wanted ? { seed: seed + 1 } : { source: { kind: wanted } });
  return (
    <>
      <button type="button" aria-pressed={kind === "random"} onClick={() => drawn("random")}>
        {kind === "random" ? "Random: shuffle" : "Random"}
      </button>
      <button type="button" aria-pressed={kind === "diverse"} onClick={() => drawn("diverse")}>
        {kind === "diverse" ? "Diverse: others" : "Diverse"}
      </button>
      <button type="button" aria-pressed={kind === "unusual"} onClick={() => onChange({ source: { kind: "unusual" } })}>
        Unusual
      </button>
      <SimilarButtons source={source} chosen={chosen} onSource={(source) => onChange({ source })} />
      <button type="button" aria-pressed={kind === "ids"} onClick={() => onChange({ source: { kind: "ids" } })}>
        Ids or positions
      </button>
      {columns && (
        <button type="button" aria-pressed={kind === "column"} onClick={() => onChange({ source: { kind: "column" } })}>
          Catalogue column
        </button>
      )}
      <button type="button" onClick={() => go(pages.map(survey))}>
        Map
      </button>
      {source.kind === "near" && (
        <button type="button" aria-pressed="true">
          Like {source.object}
        </button>
      )}
    </>
  );
}

interface SimilarProps {
  source: Draft["source"];
  chosen: Draft["chosen"];
  onSource(source: Draft["source"]): void;
}

/** What is like the examples chosen so far and unlike the negative ones, or like a picture from this machine. */
function SimilarButtons({ source, chosen, onSource }: SimilarProps) {
  const { kind } = source;
  const of = (wanted: string) => chosen.flatMap(([object, value]) => (value === wanted ? [object] : []));
  const like = of("positive");
  return (
    <>
      <button
        type="button"
        aria-pressed={kind === "similar"}
        disabled={like.length === 0}
        title={
          like.length === 0 ? "Choose a positive example first" : "Like the positive examples, unlike the negative ones"
        }
        onClick={() => onSource({ kind: "similar", like, unlike: of("negative") })}
      >
        {kind === "similar" ? "Similar: again" : "Similar"}
      </button>
      <label className={kind === "picture" ? "button chosen" : "button"}>
        {source.kind === "picture" ? `Like ${source.name}…` : "Like a picture…"}
        <input
          type="file"
          className="file"
          accept="image/jpeg,image/png,image/webp"
          onChange={async ({ target }) => {
            const [file] = target.files ?? [];
            if (file !== undefined) onSource({ kind: "picture", name: await keepPicture(file) });
            target.value = "";
          }}
        />
      </label>
    </>
  );
}
