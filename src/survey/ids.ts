/** What the id of an object may be. */

import { hashBytes } from "../base/files.ts";

/** As the contract's ObjectId. */
const LONGEST_ID = 200;
const UNPRINTABLE = /[\p{Cc}\p{Cs}\u2028\u2029]+/gu;

/**
 * Why a text cannot be an id, or null where it can: ids stand in addresses, on pages and as keys, one object each. Blanks
 * around it are no part of an id.
 */
export function faultOfId(text: string): string | null {
  const id = text.trim();
  if (id === "") return "is blank";
  if (id.length > LONGEST_ID) return `has ${id.length} characters, ${LONGEST_ID} are the most`;
  if (id.search(UNPRINTABLE) >= 0) return "holds control characters";
  if (id === "." || id === "..") return "is a step between folders";
  // Names that every JavaScript object answers to.
  if (id in Object.prototype) return "is a word that programs keep for themselves";
  return null;
}

/**
 * An id that can be one, in the place of a text that cannot: without control characters, shortened (with a hash of the
 * whole, so that two long ones stay two), or made of `source` where nothing is left.
 */
export function idInstead(text: string, source: string): string {
  const plain = text.replace(UNPRINTABLE, " ").trim();
  const name = faultOfId(plain) === null || plain.length > LONGEST_ID ? plain : `object ${plain || source}`;
  const clean = name.replace(UNPRINTABLE, " ");
  if (clean.length <= LONGEST_ID) return clean;
  return `${clean.slice(0, LONGEST_ID - 20).replace(/[\uD800-\uDBFF]$/, "")}… ${hashBytes(text).slice(0, 12)}`;
}
