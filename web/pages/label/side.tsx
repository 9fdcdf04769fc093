import { useMay } from "../../actions/me.ts";
import { go, pages } from "../../actions/route.ts";
import { AlphaSlider, NextPreview } from "../../parts/alpha.tsx";
import type { Outlines } from "../../parts/field/use-outlines.ts";
import { Opinions } from "../../parts/opinions.tsx";
import { LearningPanel } from "../../parts/plots/learning.tsx";
import { RoundTable } from "../../parts/plots/rounds.tsx";
import { PurityPanel } from "../../parts/plots/score-purity.tsx";
import type { LiveSession } from "../../session/use-session.ts";
import { type PictureSettings, PictureSize } from "./picture-size.tsx";

interface Props {
  session: LiveSession;
  pictures: PictureSettings;
  onTags: (() => void) | null;
  onArtefact: (() => void) | null;
  /** Of detections. */
  outlines: Outlines | null;
  onField: (() => void) | null;
  onKeys(): void;
  onOpen(object: string): void;
}

/** Beside the page: what was found so far, how reliable it is, and what the next round will show. */
export function Side({ session, pictures, onTags, onArtefact, outlines, onField, onKeys, onOpen }: Props) {
  const { state, page, learned } = session;
  const canLead = useMay("owner");
  return (
    <aside className="side" aria-label="Progress of the search">
      <p className="counts">
        <b className="yes">{state.positives}</b> positive · <b className="no">{state.negatives}</b> negative ·{" "}
        {state.unsure} unsure
      </p>
      <div className="ways">
        <button type="button" onClick={() => go(pages.results(state.session))}>
          {canLead ? "Ranking and export" : "Ranking"}
        </button>
        <button type="button" onClick={() => go(pages.map(state.survey, state.session))}>
          Map
        </button>
        <button type="button" disabled={onTags === null} onClick={() => onTags?.()}>
          Tags
        </button>
        <button
          type="button"
          disabled={onArtefact === null}
          title="Negative, and nothing like it is shown any more"
          onClick={() => onArtefact?.()}
        >
          Artefact
        </button>
        {outlines !== null && (
          <>
            <button type="button" disabled={onField === null} onClick={() => onField?.()}>
              Field
            </button>
            <button type="button" aria-pressed={outlines.shown} onClick={outlines.toggle}>
              Outlines
            </button>
          </>
        )}
        <button type="button" onClick={onKeys}>
          Keys
        </button>
      </div>
      <PictureSize {...pictures} />
      <LearningPanel session={state.session} learned={learned} lastSeq={state.lastSeq} positives={state.positives} />
      {state.prior !== undefined && <PurityPanel session={state.session} lastSeq={state.lastSeq} />}
      <RoundTable rounds={state.rounds} />
      {state.prior === undefined && canLead && (
        <AlphaSlider
          id="alpha"
          alpha={state.alpha}
          answers={state.pageSize}
          onChange={session.setAlpha}
          preview={(alpha) => <NextPreview state={state} round={page?.round ?? 0} learned={learned} alpha={alpha} />}
        />
      )}
      <Opinions state={state} onOpen={onOpen} />
    </aside>
  );
}
