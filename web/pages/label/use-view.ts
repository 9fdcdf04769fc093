import { useState } from "react";
import type { PagePick } from "../../../src/contract/api.ts";
import { useAsked } from "../../actions/use-asked.ts";
import { api } from "../../client/api.ts";
import type { LiveSession } from "../../session/use-session.ts";

/** What the label page shows: the round of now, an earlier one, what was skipped, or what people disagree about. */
export type LabelView =
  | { kind: "now" }
  | { kind: "round"; round: number }
  | { kind: "skipped" }
  | { kind: "undecided" };

/** Which objects the labelling page shows: of this round, of an earlier one, skipped or undecided ones. */
export interface Shown {
  view: LabelView;
  setView(view: LabelView): void;
  picks: PagePick[];
  failure: string | null;
}

const NONE: PagePick[] = [];

/** The objects in view. A new round brings the page back to now. */
export function useView(session: LiveSession): Shown {
  const { page, state } = session;
  const now = page?.round ?? 0;
  const [chosen, setChosen] = useState<{ view: LabelView; at: number }>({ view: { kind: "now" }, at: now });
  const view: LabelView = chosen.at === now ? chosen.view : { kind: "now" };
  const { answer, failure } = useAsked(() => {
    if (view.kind === "now") return null;
    if (view.kind === "undecided") return api.undecided(state.session);
    return view.kind === "round" ? api.pageOf(state.session, view.round) : api.skipped(state.session);
  }, [state.session, view.kind, view.kind === "round" ? view.round : now]);
  return {
    view,
    setView: (next) => setChosen({ view: next, at: now }),
    picks: (view.kind === "now" ? page?.picks : answer?.picks) ?? NONE,
    failure,
  };
}
