import { expect, it } from "vitest";
import { linksOf } from "./links.ts";

it("links name place and size, and leave out surveys that do not reach there", () => {
  const links = linksOf({ raDeg: 150.1, decDeg: 2.2058, fieldArcsec: 33.5 });
  expect(links.map(({ name }) => name)).toEqual([
    "Legacy viewer",
    "SDSS",
    "Pan-STARRS",
    "Aladin Lite",
    "ESASky",
    "SIMBAD",
    "NED",
    "VizieR",
  ]);
  for (const { url } of links) {
    expect(url).not.toMatch(/[{}]|undefined|NaN/);
    const text = decodeURIComponent(url);
    expect([text.includes("150.1"), text.includes("2.2058")], url).toEqual([true, true]);
    expect(new URL(url).protocol).toBe("https:");
  }
  expect(links[0].url).toContain("zoom=16");
  expect(links[3].url).toContain("target=150.1%20%2B2.2058&fov=0.01861");
  expect(links[2].url).toContain("size=134");
  const south = linksOf({ raDeg: 10, decDeg: -45, fieldArcsec: null });
  expect(south.map(({ name }) => name)).not.toContain("Pan-STARRS");
  expect(south.find(({ name }) => name === "SIMBAD")?.url).toContain("Coord=10+-45&");
});
