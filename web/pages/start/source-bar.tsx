import { go, pages } from "../../actions/route.ts";
import type { Draft } from "./draft.ts";

interface Props {
  survey: string;
  draft: Draft;
  columns: boolean;
  onChange(more: Partial<Draft>): void;
}

/** Which objects examples are chosen from. */
export function SourceButtons({ survey, draft: { source, seed }, columns, onChange }: Props) {
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
