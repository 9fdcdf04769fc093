/**
 * A survey to work at: rounds of its sessions, what they tell, neighbours, maps. What a server's process, a notebook
 * and a program of one's own all call; nothing here knows of threads or HTTP.
 */
import { SkyloopError } from "../base/errors.ts";
import { Random } from "../base/random.ts";
import type { Page } from "../contract/api.ts";
import type { Preview, Why } from "../contract/insight.ts";
import type { FarNumber } from "../contract/similar.ts";
import type { MapMethod } from "../store/maps.ts";
import { listPredictions } from "../store/predictions.ts";
import { openSurveyStamps } from "../survey/folder.ts";
import { assess } from "./assess.ts";
import { choose } from "./choose.ts";
import { detectorLogits } from "./detector-prior.ts";
import { farNumbers } from "./far.ts";
import { fold } from "./fold.ts";
import { type FeatureSpace, featureSpace } from "./learn.ts";
import { layOut } from "./map.ts";
import { closeOpened, type OpenedSurvey, openWithSessions } from "./opened.ts";
import { unusualLearner, unusualTable } from "./outliers.ts";
import { pictureFeatures } from "./picture-features.ts";
import { nextRound, planOf, planRound, rankerOf, shownFrom } from "./round.ts";
import { countRound } from "./round-counts.ts";
import { currentRound, findSession } from "./session.ts";
import { diverseRows, nearestRows, type SimilarRow, similarRows } from "./similar.ts";
import { HOW, HOW_UNUSUAL, heatMap, influences } from "./why.ts";

/** Objects of either side in a preview. */
const PREVIEWED = 8;

/** How a round is watched and stopped. */
export interface Watch {
  onPage?(page: Page): void;
  onProgress?(stage: "learn" | "score" | "choose", done: number, total: number): void;
  signal?: AbortSignal;
  /** Called between the steps of the full ranking and of its assessment; it may take its time. */
  rest?(): Promise<unknown>;
}

/** Features of one model, ready to learn from. */
interface Space {
  space: FeatureSpace;
  weightsHash: string;
}

/** An object found in feature space. */
export interface FoundRow {
  row: number;
  similarity: number;
}

/** An unusual object: its score, its nearest neighbours, and the numbers in which it is far from the others. */
export interface UnusualRow {
  row: number;
  score: number;
  near: FoundRow[];
  far: FarNumber[];
}

/** Neighbours that are shown of an unusual object. */
const NEAR_UNUSUAL = 4;

/** One survey, open: every question that a search asks of it. Close it at the end. */
export class Workbench implements OpenedSurvey {
  readonly survey: OpenedSurvey["survey"];
  readonly store: OpenedSurvey["store"];
  readonly artefacts: OpenedSurvey["artefacts"];
  readonly #spaces = new Map<string, Space>();
  /** What is far from the others', by model: of the tables of measurements that there were. */
  readonly #far = new Map<string, { tables: string; of: (row: number) => FarNumber[] }>();
  #prior: Float32Array | null = null;

  constructor({ survey, store, artefacts }: OpenedSurvey) {
    this.survey = survey;
    this.store = store;
    this.artefacts = artefacts;
  }

  /**
   * Opens a survey folder, without the columns that the user brought unless `open` is `openSurvey`. Throws SURVEY_MISSING,
   * SURVEY_BROKEN and what the store throws.
   */
  static async open(folder: string, open = openSurveyStamps): Promise<Workbench> {
    return new Workbench(await openWithSessions(folder, open));
  }

  /** Ids in the order of the catalogue, made when asked for: a million of them are not kept as strings. */
  get ids(): string[] {
    return Array.from({ length: this.survey.count }, (_, row) => this.#idOf(row));
  }

  readonly #idOf = (row: number): string => this.survey.row(row).id;

  /** Features of a model, read once. Throws FEATURES_MISSING, FEATURES_UNFINISHED, FEATURES_BROKEN. */
  async features(model: string): Promise<Space> {
    let known = this.#spaces.get(model);
    if (known === undefined) {
      const features = await this.artefacts.features(model);
      try {
        known = { space: featureSpace(features.stored(), features.dim), weightsHash: features.weightsHash };
      } finally {
        features.close();
      }
      this.#spaces.set(model, known);
    }
    return known;
  }

  /** The features that a session learns from. Throws OTHER_WEIGHTS where they are no longer those it began with. */
  async #spaceOf(session: string): Promise<Space & { model: string }> {
    const { model, weightsHash, prior } = await findSession(this.store, session);
    const found = await this.features(model);
    if (found.weightsHash !== weightsHash)
      throw new SkyloopError(
        "OTHER_WEIGHTS",
        `session ${session} was started on features of other weights of ${model}; embed with those, or start a new session`,
      );
    return prior === undefined ? { ...found, model } : { ...found, model, space: this.#withPrior(found.space) };
  }

  /** A feature space with the logits of the detector's scores. Throws DETECTIONS_BROKEN. */
  #withPrior(space: FeatureSpace): FeatureSpace {
    this.#prior ??= detectorLogits(this.survey);
    return { ...space, prior: this.#prior };
  }

  /**
   * Makes round `round` of a session, by default its next one: learns, scores, chooses. A round that was begun before
   * and whose full ranking is missing is finished as it was begun. Throws ONE_CLASS_LABELLED, NOTHING_LEFT, ABORTED,
   * OTHER_WEIGHTS.
   */
  async round(session: string, watch: Watch = {}, round?: number): Promise<{ page: Page; seconds: number }> {
    const { space, weightsHash } = await this.#spaceOf(session);
    const { store, artefacts, survey } = this;
    return nextRound({
      ...watch,
      store,
      artefacts,
      session,
      count: survey.count,
      idOf: this.#idOf,
      indexOf: survey.indexOf,
      space,
      weightsHash,
      round,
    });
  }

  /** Assesses a finished round and keeps what was found; false where it was given up or is not ranked. */
  async assess(session: string, round: number, { signal, rest }: Watch = {}): Promise<boolean> {
    const { space } = await this.#spaceOf(session);
    const scores = await this.artefacts.scores(session, this.survey.count);
    if (scores === null) return false;
    const { plan, shown } = await planOf(this.store, this.survey, session, round);
    const earlier = await this.artefacts.assessments(session);
    const assessment = await assess({
      round,
      space,
      scores,
      answered: plan.examples.map((example) => ({ ...example, shown: shown.get(this.#idOf(example.row)) ?? "own" })),
      background: plan.background,
      seed: plan.seed,
      previousTop: earlier.findLast((one) => one.round < round)?.top ?? null,
      signal,
      rest,
    });
    if (assessment !== null) await this.artefacts.saveAssessment(session, assessment);
    return assessment !== null;
  }

  /** What either side of the alpha rule would show next, by the last ranking. Throws NOT_RANKED. */
  async preview(session: string): Promise<Preview> {
    const { space } = await this.#spaceOf(session);
    const { store, survey } = this;
    const scores = await this.artefacts.scores(session, survey.count);
    if (scores === null)
      throw new SkyloopError(
        "NOT_RANKED",
        "there is nothing to preview before the first round: nothing has been learned yet",
      );
    const record = await findSession(store, session);
    const rounds = await store.rounds(session);
    const folded = fold(await store.events(session), record.alpha);
    const plan = planRound(record, folded, rounds, survey.count, survey.indexOf);
    const { seed, examples } = plan;
    const candidates = shownFrom(space, plan);
    const round = currentRound(rounds);
    const first = (mode: "highest" | "lower") =>
      choose({ scores, candidates, mode, examples, pageSize: PREVIEWED, randomPicks: 0, seed, space }).page.map(
        ({ row }) => this.#idOf(row),
      );
    const { positives, negatives } = countRound(folded, round);
    return { round, positives, negatives, highest: first("highest"), lower: first("lower") };
  }

  /** The reasons for an object's score in a session's last ranking. Throws NOT_RANKED. */
  async why(session: string, row: number): Promise<Why> {
    const { space, weightsHash, model } = await this.#spaceOf(session);
    const round = await this.artefacts.scoredRound(session);
    if (round === 0)
      throw new SkyloopError("NOT_RANKED", "there are no reasons before the first round: nothing has been learned yet");
    const { plan } = await planOf(this.store, this.survey, session, round);
    const learner = rankerOf(space, plan);
    try {
      if (plan.unusualSeed !== null)
        return { score: learner.scoreRows([row])[0], examples: [], heat: null, how: HOW_UNUSUAL };
      // Unlabelled objects that stood for negatives pull, too, but nobody has called them anything.
      const labelled = new Set(plan.examples.map((example) => example.row));
      const examples = influences(learner, [...plan.examples, ...plan.background], row)
        .filter((one) => labelled.has(one.row))
        .slice(0, 12)
        .map(({ row: at, positive, influence }) => ({
          object: this.#idOf(at),
          label: positive ? ("positive" as const) : ("negative" as const),
          influence,
        }));
      // Features of weights that are not here can be ranked all the same.
      const heat = await heatMap(this.survey, row, learner, model, weightsHash).catch((error: unknown) => {
        const without = ["WEIGHTS_MISSING", "UNKNOWN_MODEL", "OTHER_WEIGHTS"];
        if (error instanceof SkyloopError && without.includes(error.code)) return null;
        throw error;
      });
      return { score: learner.scoreRows([row])[0], examples, heat, how: HOW };
    } finally {
      learner.dispose();
    }
  }

  /** The k objects nearest in feature space, the nearest first. */
  async neighbours(model: string, row: number, k: number): Promise<FoundRow[]> {
    return nearestRows((await this.features(model)).space, row, k);
  }

  /** The numbers in which an object is far from the others, measured ones first. */
  async far(model: string, row: number): Promise<FarNumber[]> {
    return (await this.#farOf(model))(row);
  }

  async #farOf(model: string): Promise<(row: number) => FarNumber[]> {
    const { space } = await this.features(model);
    const { folder, header } = this.survey;
    // Somebody may measure the survey while it is open.
    const tables = listPredictions(folder, header.dataHash)
      .map(({ name, madeAt }) => `${name} ${madeAt}`)
      .join();
    let known = this.#far.get(model);
    if (known?.tables !== tables) {
      known = { tables, of: farNumbers(this.survey, space) };
      this.#far.set(model, known);
    }
    return known.of;
  }

  /** Objects that stand for the kinds there are. */
  async diverse(model: string, count: number, seed: number): Promise<FoundRow[]> {
    return diverseRows((await this.features(model)).space, count, new Random(seed));
  }

  /**
   * The most unusual objects, each with its nearest neighbours and the numbers in which it is far from the others.
   * Near-duplicates of what is listed are passed over.
   */
  async unusual(model: string, count: number, seed: number): Promise<UnusualRow[]> {
    const { space } = await this.features(model);
    const scores = unusualLearner(space, seed).score(0, space.count);
    const candidates = Uint32Array.from(scores.keys());
    const asked = { scores, candidates, examples: [], pageSize: count, randomPicks: 0, seed, space };
    const far = await this.#farOf(model);
    return choose({ ...asked, mode: "highest" }).page.map(({ row }) => ({
      row,
      score: scores[row],
      near: nearestRows(space, row, NEAR_UNUSUAL),
      far: far(row),
    }));
  }

  /** What every object's place among the unusual is made of: joint score, isolation, distance to neighbours. */
  async unusualness(model: string, seed: number): Promise<{ columns: string[]; values: Float32Array }> {
    const { space } = await this.features(model);
    return unusualTable(space, seed);
  }

  /**
   * The objects most like examples, which may be pictures from elsewhere, and unlike counterexamples; near-duplicates
   * stand together. Throws NOTHING_TO_COMPARE, IMAGE_BROKEN, OTHER_WEIGHTS.
   */
  async similar(
    model: string,
    { like, unlike, pictures = [], k }: { like: number[]; unlike: number[]; pictures?: Uint8Array[]; k: number },
  ): Promise<SimilarRow[]> {
    if (like.length + pictures.length === 0)
      throw new SkyloopError(
        "NOTHING_TO_COMPARE",
        "objects like what? Give at least one example: an object, a position or a picture",
      );
    const { space, weightsHash } = await this.features(model);
    const drawn: Float32Array[] = [];
    for (const bytes of pictures) drawn.push(await pictureFeatures(this.survey, bytes, model, weightsHash));
    return similarRows(space, { like: [...like, ...drawn], unlike, k, grouped: true });
  }

  /** Lays the survey out in two dimensions and keeps the map. Throws MAP_TOO_SMALL. */
  async map(model: string, method: MapMethod, report?: (done: number, total: number) => void): Promise<void> {
    const { space, weightsHash } = await this.features(model);
    await this.artefacts.saveMap({ model, method, weightsHash }, await layOut(space, method, report));
  }

  close(): Promise<void> {
    return closeOpened(this);
  }
}
