import fc from "fast-check";
import { expect, it } from "vitest";
import { type CatalogueColumn, ColumnBuilder, columnOver, IdIndex } from "./columns.ts";
import type { Cell, CellType } from "./duck.ts";

function build(type: CellType, values: Cell[], blocks = 3): CatalogueColumn {
  const builder = new ColumnBuilder("x", type, values.length);
  const size = Math.max(1, Math.ceil(values.length / blocks));
  for (let at = 0; at < values.length; at += size) builder.push(values.slice(at, at + size));
  return builder.build();
}
const all = (column: CatalogueColumn) => Array.from({ length: column.length }, (_, row) => column.at(row));

it("keeps every value of every type, missing ones too, here and over the same memory", () => {
  const text = fc.oneof(fc.string({ unit: "grapheme" }), fc.constant("Größe Ω"), fc.constant(""), fc.constant(null));
  const cases: [CellType, fc.Arbitrary<Cell>][] = [
    ["string", text],
    ["number", fc.oneof(fc.double({ noNaN: true }), fc.constant(null))],
    ["integer", fc.oneof(fc.maxSafeInteger(), fc.constant(null))],
    ["boolean", fc.oneof(fc.boolean(), fc.constant(null))],
  ];
  for (const [type, value] of cases)
    fc.assert(
      fc.property(fc.array(value, { maxLength: 40 }), fc.integer({ min: 1, max: 5 }), (values, blocks) => {
        const column = build(type, values, blocks);
        expect(all(column)).toEqual(values);
        expect(all(columnOver("x", type, column.data))).toEqual(values);
      }),
    );
});

it("keeps columns small: codes for few values, single precision where it is exact, and the rest as it is", () => {
  const rows = Array.from({ length: 1000 }, (_, row) => row);
  const kept = (type: CellType, values: Cell[]) => {
    const column = build(type, values);
    expect(all(column)).toEqual(values);
    const { data } = column;
    return data.kind === "numbers" ? data.values.constructor.name : data.kind;
  };
  expect(
    kept(
      "string",
      rows.map((row) => `class ${row % 256}`),
    ),
  ).toBe("coded");
  expect(
    kept(
      "string",
      rows.map((row) => `class ${row % 257}`),
    ),
  ).toBe("text");
  expect(
    kept(
      "number",
      rows.map((row) => (row % 3 === 0 ? null : 0.1 * (row % 50))),
    ),
  ).toBe("coded");
  expect(
    kept(
      "number",
      rows.map((row) => (row % 3 === 0 ? null : row / 4)),
    ),
  ).toBe("Float32Array");
  expect(
    kept(
      "number",
      rows.map((row) => 0.1 * row),
    ),
  ).toBe("Float64Array");
  expect(
    kept(
      "integer",
      rows.map((row) => 2 ** 40 + row),
    ),
  ).toBe("Float64Array");
  expect(kept("number", [1, -0, 1])).toBe("Float32Array");
});

it("finds each id's first row and nothing else", () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: "grapheme", maxLength: 4 }), { maxLength: 60 }),
      fc.string(),
      (ids, other) => {
        const column = build("string", ids);
        const made = new IdIndex(column);
        const shared = new IdIndex(column, made.table);
        for (const index of [made, shared]) {
          for (const id of ids) expect(index.row(id)).toBe(ids.indexOf(id));
          if (!ids.includes(other)) expect(index.row(other)).toBeUndefined();
        }
      },
    ),
  );
});

it("ids that JavaScript objects know are ids like others", () => {
  const index = new IdIndex(build("string", ["a", "__proto__", "constructor"]));
  expect(["__proto__", "constructor", "toString"].map((id) => index.row(id))).toEqual([1, 2, undefined]);
});
