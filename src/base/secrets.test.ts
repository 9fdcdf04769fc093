import { expect, it } from "vitest";
import { hashPassword, isPassword, newToken, tokenHash } from "./secrets.ts";

it("a password is known by its hash, which is another each time; a missing one costs as much and fits nothing", async () => {
  const [one, two] = await Promise.all([hashPassword("correct horse"), hashPassword("correct horse")]);
  expect(one).toMatch(/^scrypt\$15\$8\$3\$/);
  expect(one).not.toBe(two);
  const answers = [isPassword("correct horse", one), isPassword("correct horsf", one), isPassword("", null)];
  expect(await Promise.all(answers)).toEqual([true, false, false]);
  // One character in two ways to write it.
  const cheap = { logN: 4, r: 8, p: 1 };
  expect(await isPassword("Scho\u0308ne Grüße", await hashPassword("Schöne Grüße", cheap))).toBe(true);
  await expect(hashPassword("1234567")).rejects.toMatchObject({ code: "PASSWORD_WEAK" });
});

it("tokens are all different, and their hashes are SHA-256", () => {
  expect(new Set(Array.from({ length: 50 }, newToken)).size).toBe(50);
  expect(tokenHash("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
});
