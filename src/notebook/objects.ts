/** What can be asked of one object: its picture, its pixels, what is known of it, what looks like it. */
import type { ObjectDetail, ObjectRow } from "../contract/api.ts";
import type { ObjectPrediction } from "../contract/predictions.ts";
import type { Door } from "./door.ts";
import { Gallery, type ObjectPicture, pictureOf } from "./gallery.ts";

/** Float pixels [bands, height, width], row by row, in `unit`. */
export interface PixelArray {
  shape: [number, number, number];
  bands: string[];
  unit: string;
  data: Float32Array;
}

/** Which survey an object is of, where the server has several; a session knows its own. */
export interface OfSurvey {
  survey?: string;
}

/** An object's survey and id. */
export interface ObjectPlace {
  survey: string;
  id: string;
}

const inPath = encodeURIComponent;

/** The verbs of one object. `Name`: its id, and in a session its number on the last page too. */
export abstract class ObjectVerbs<Name> {
  protected abstract readonly door: Door;
  /** Throws what the server refuses with, SURVEY_UNKNOWN, NUMBER_UNKNOWN. */
  protected abstract placeOf(object: Name, survey?: string): Promise<ObjectPlace>;

  /** The picture of an object as the page shows it. */
  async picture(object: Name, { survey, sizePx = 256 }: OfSurvey & { sizePx?: number } = {}): Promise<ObjectPicture> {
    const place = await this.placeOf(object, survey);
    return pictureOf(this.door, place.survey, place.id, sizePx);
  }

  /** The pixels of an object as the survey has them. */
  async pixels(object: Name, { survey }: OfSurvey = {}): Promise<PixelArray> {
    const answer = await this.door.send(`${pathOf(await this.placeOf(object, survey))}/pixels`);
    const header = (name: string) => answer.headers.get(`X-Skyloop-${name}`) ?? "";
    const [bands, height, width] = header("Shape").split(",").map(Number);
    return {
      shape: [bands, height, width],
      bands: header("Bands").split(",").map(decodeURIComponent),
      unit: decodeURIComponent(header("Unit")),
      data: new Float32Array(await answer.arrayBuffer()),
    };
  }

  /** What the catalogue says of an object, and what trained heads predict of it. */
  async parameters(
    object: Name,
    { survey }: OfSurvey = {},
  ): Promise<ObjectDetail & { predictions: ObjectPrediction[] }> {
    const path = pathOf(await this.placeOf(object, survey));
    const [detail, predictions] = await Promise.all([
      this.door.ask<ObjectDetail>(path),
      this.door.ask<ObjectPrediction[]>(`${path}/predictions`),
    ]);
    return { ...detail, predictions };
  }

  /** The objects that look most like one, with the cosine of their features. */
  async neighbours(object: Name, { survey, count = 12 }: OfSurvey & { count?: number } = {}): Promise<Gallery> {
    const place = await this.placeOf(object, survey);
    const found = await this.door.ask<{ objects: (ObjectRow & { similarity: number })[] }>(
      `${pathOf(place)}/neighbours`,
      { query: { k: count } },
    );
    const shown = found.objects.map(({ object, similarity }) => ({ object, note: similarity.toFixed(3) }));
    return new Gallery(this.door, place.survey, shown);
  }
}

const pathOf = ({ survey, id }: ObjectPlace) => `api/surveys/${inPath(survey)}/objects/${inPath(id)}`;
