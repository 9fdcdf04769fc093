import { expect, it } from "vitest";
import { voUnit } from "./vo-unit.ts";

it.each([
  ["deg", "deg"],
  ["nanomaggy", "'nanomaggy'"],
  ["pix2", "pixel2"],
  ["km/s", "km/s"],
  ["km s-1", "km s-1"],
  ["Msun/yr", "solMass/yr"],
  ["DN/s", "'DN'/s"],
  ["1e-17 erg/s/cm2/Angstrom", "1e-17 erg/s/cm2/Angstrom"],
  ["10**-17erg", "10**-17erg"],
  ["my_unit", "'my_unit'"],
  ["log(Msun)", "log(solMass)"],
  ["mJy/beam", "mJy/beam"],
  ["dag", "dag"],
  ["'electron'/s", "'electron'/s"],
  ["%", "%"],
  ["", ""],
])("%s is %s", (unit, expected) => expect(voUnit(unit)).toBe(expected));
