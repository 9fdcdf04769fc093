import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

const WEB = join(import.meta.dirname, "..");

it("is the one module that uses the browser's storage, which a frame in another site's page has not", () => {
  const files = readdirSync(WEB, { recursive: true, encoding: "utf8" }).filter(
    (file) => /\.tsx?$/.test(file) && !/\.test\.ts$|^dist/.test(file),
  );
  const users = files.filter((file) =>
    /\b(localStorage|sessionStorage|indexedDB|document\.cookie)\b/.test(readFileSync(join(WEB, file), "utf8")),
  );
  expect(users).toEqual([join("actions", "memory.ts")]);
});
