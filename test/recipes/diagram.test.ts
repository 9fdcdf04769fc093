import { afterAll, expect, it } from "vitest";
import { moduleDiagram, SESSION_ROUTES } from "../../recipes/hunt/diagram.ts";
import { SessionEvent, StreamMessage } from "../../src/contract/api.ts";
import { buildServer } from "../../src/server/app.ts";

const app = await buildServer({ surveys: [] });
afterAll(() => app.close());

it("names every address of a session that the server has, and no other", () => {
  const { paths } = app.swagger() as { paths: Record<string, Record<string, unknown>> };
  const served = Object.entries(paths).flatMap(([path, methods]) => {
    const below = /^\/api\/sessions\/\{session\}\/(.+)$/.exec(path)?.[1];
    const name = below?.replace(/\{(\w+)\}/g, ":$1");
    return name === undefined ? [] : Object.keys(methods).map((method) => `${method.toUpperCase()} ${name}`);
  });
  expect(Object.keys(SESSION_ROUTES).sort()).toEqual(served.sort());
});

it("shows all kinds of events and messages", () => {
  const svg = moduleDiagram();
  for (const kind of [
    ...SessionEvent.shape.kind.options,
    ...StreamMessage.options.map(({ shape }) => shape.type.value),
  ])
    expect(svg).toMatch(new RegExp(`\\b${kind}\\b`));
  for (const route of Object.keys(SESSION_ROUTES)) expect(svg).toContain(route);
});
