/** The surveys that a server serves, each with its catalogue, its database and its feature sets; opened once. */
import { existsSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { SkyloopError } from "../base/errors.ts";
import { removeExports, removeLeftovers } from "../base/leftovers.ts";
import { log } from "../base/log.ts";
import type { ObjectRow, SurveyInfo } from "../contract/api.ts";
import { closeOpened, type OpenedSurvey, openWithSessions } from "../loop/opened.ts";
import { listFeatures } from "../store/features.ts";
import type { CatalogueColumn } from "../survey/columns.ts";
import type { Survey } from "../survey/folder.ts";
import { fieldsOf } from "./detections.ts";

/** An open survey and the store of its sessions. */
export type ServedSurvey = OpenedSurvey;

/** The surveys that a server has open, by name. */
export class Workspace {
  readonly #served = new Map<string, ServedSurvey>();
  /** Where a session was found: it stays there. */
  readonly #homes = new Map<string, ServedSurvey>();

  /** Opens survey folders. Throws SAME_NAME where two folders have one name. */
  static async open(folders: string[]): Promise<Workspace> {
    removeExports(tmpdir());
    const workspace = new Workspace();
    for (const folder of folders) await workspace.add(folder);
    return workspace;
  }

  /** Opens one more survey. Throws SAME_NAME, SURVEY_MISSING, SURVEY_BROKEN. */
  async add(folder: string): Promise<void> {
    const opened = await openWithSessions(resolve(folder));
    clearUp(opened.survey.folder);
    const { name } = opened.survey;
    if (this.#served.has(name)) {
      await closeOpened(opened);
      throw new SkyloopError("SAME_NAME", `two surveys are called ${name}; rename one of the folders`);
    }
    // Counting the columns of a large survey takes a moment that nobody should wait for later.
    surveyInfo(opened);
    this.#served.set(name, opened);
  }

  all(): ServedSurvey[] {
    return [...this.#served.values()];
  }

  get(name: string): ServedSurvey {
    const found = this.#served.get(name);
    if (found === undefined)
      throw new SkyloopError(
        "SURVEY_UNKNOWN",
        `no survey ${name} here; there are ${[...this.#served.keys()].join(", ")}`,
      );
    return found;
  }

  /** The survey and database that hold a session. A database that cannot be read hides no session of another. */
  async ofSession(session: string): Promise<ServedSurvey> {
    const known = this.#homes.get(session);
    if (known !== undefined) return known;
    let failure: unknown = null;
    for (const served of this.all())
      try {
        if ((await served.store.session(session)) === undefined) continue;
        this.#homes.set(session, served);
        return served;
      } catch (error) {
        failure ??= error;
      }
    throw failure ?? (await this.#unknown(session));
  }

  /** Names of the sessions of every survey; those of a database that cannot be read are left out. */
  async sessionNames(): Promise<string[]> {
    const found = await Promise.allSettled(this.all().map(({ store }) => store.sessions()));
    return found.flatMap((one) => (one.status === "fulfilled" ? one.value.map(({ session }) => session) : []));
  }

  async #unknown(session: string): Promise<SkyloopError> {
    const names = (await this.sessionNames()).sort();
    const listed = names.length > 8 ? `${names.slice(0, 8).join(", ")} and ${names.length - 8} more` : names.join(", ");
    return new SkyloopError(
      "SESSION_UNKNOWN",
      `no session ${session} in the surveys served here; there are ${listed || "none yet"}`,
    );
  }

  /** Row of an object. Throws OBJECT_UNKNOWN. */
  row(name: string, object: string): { served: ServedSurvey; row: number } {
    const served = this.get(name);
    const row = served.survey.indexOf(object);
    if (row === undefined) throw new SkyloopError("OBJECT_UNKNOWN", `survey ${name} has no object ${object}`);
    return { served, row };
  }

  async close(): Promise<void> {
    for (const one of this.all()) await closeOpened(one);
  }
}

/** Removes what killed processes left in a survey's folders. */
function clearUp(folder: string): void {
  const models = existsSync(join(folder, "features")) ? readdirSync(join(folder, "features")) : [];
  const below = ["", "loop", "predictions", ...models.map((model) => join("features", model))];
  const removed = removeLeftovers(below.map((name) => join(folder, name)));
  if (removed.length > 0) log.info({ removed }, "removed what stopped runs left");
}

const counted = new WeakMap<CatalogueColumn, number>();

/** How many objects have a value in a column; counted once. */
function filledOf(survey: Survey, name: string): number {
  const column = survey.column(name);
  if (column === undefined) return 0;
  let count = counted.get(column);
  if (count === undefined) {
    count = 0;
    for (let row = 0; row < survey.count; row++) {
      const value = column.at(row);
      if (value !== null && value !== "") count++;
    }
    counted.set(column, count);
  }
  return count;
}

/** What the page shows of a survey. */
export function surveyInfo({ survey }: ServedSurvey): SurveyInfo {
  const { header, columns, problems } = survey;
  return {
    survey: survey.name,
    title: header.title,
    count: header.count,
    kind: header.kind,
    bands: header.bands,
    pixelScaleArcsec: header.pixelScaleArcsec,
    columns: columns.map(({ name, type, unit }) => ({ name, type, filled: filledOf(survey, name), unit })),
    features: listFeatures(survey.folder),
    problems: problems.length,
    fields: fieldsOf(survey).length,
  };
}

/** What a list shows of an object. */
export function objectRow({ survey }: ServedSurvey, row: number): ObjectRow {
  const { id, raDeg, decDeg, widthPx, heightPx } = survey.row(row);
  return { object: id, raDeg, decDeg, widthPx, heightPx };
}

/** The model asked for, else the survey's first finished feature set. */
export function modelOf(served: ServedSurvey, wanted: string | undefined): string {
  const sets = surveyInfo(served).features.filter(({ done, total }) => done === total);
  const model = wanted ?? sets[0]?.model;
  if (model === undefined || !sets.some((set) => set.model === model))
    throw new SkyloopError(
      "FEATURES_MISSING",
      `survey ${served.survey.name} has no finished features${wanted === undefined ? "" : ` of ${wanted}`}; run \`skyloop embed\``,
    );
  return model;
}
