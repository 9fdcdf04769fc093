/** Which object a person is about to act on: a page that arrives then must not put another one in its place. */

const at = { x: -1, y: -1 };
addEventListener("pointermove", ({ clientX, clientY }) => Object.assign(at, { x: clientX, y: clientY }), {
  passive: true,
});
addEventListener("pointerdown", ({ clientX, clientY }) => Object.assign(at, { x: clientX, y: clientY }), {
  passive: true,
});
document.documentElement.addEventListener("pointerleave", () => Object.assign(at, { x: -1, y: -1 }));

/** Whether the object is under the pointer, or the one that keys act on. */
export function inHand(object: string): boolean {
  const under = document.elementFromPoint(at.x, at.y)?.closest<HTMLElement>(".tile")?.dataset.object;
  return under === object || document.querySelector<HTMLElement>(".tile.focused")?.dataset.object === object;
}
