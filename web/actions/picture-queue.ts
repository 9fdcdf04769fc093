/**
 * Pictures are loaded a few at a time, and none is begun while a label is on its way. A browser opens six connections
 * to a server: one carries news, and with pictures on all the others a label would wait for them before it could be
 * sent.
 */
import { fetchWithToken, tokenInUse } from "../client/http.ts";

const AT_ONCE = 3;

interface Wanted {
  image: HTMLImageElement;
  url: string;
}

const waiting: Wanted[] = [];
const loading = new Set<Wanted>();
let held = false;

/**
 * Loads `url` into the image when its turn comes; the function that is returned gives it up. Call that while the image
 * is still in the page: Chromium keeps an image whose address changes after it has left for as long as the page lives.
 */
export function loadPicture(image: HTMLImageElement, url: string): () => void {
  const wanted = { image, url };
  waiting.push(wanted);
  next();
  return () => {
    const at = waiting.indexOf(wanted);
    if (at >= 0) waiting.splice(at, 1);
    if (loading.has(wanted) && !image.complete) image.removeAttribute("src");
    over(wanted);
  };
}

/** Begins no further picture until it is called with false. */
export function holdPictures(hold: boolean): void {
  held = hold;
  next();
}

function next(): void {
  while (!held && loading.size < AT_ONCE) {
    const wanted = waiting.shift();
    if (wanted === undefined) return;
    loading.add(wanted);
    for (const end of ["load", "error"]) wanted.image.addEventListener(end, () => over(wanted), { once: true });
    void begin(wanted);
  }
}

/** The browser asks for a picture with its cookies alone: where a token is needed the picture is asked for here. */
async function begin(wanted: Wanted): Promise<void> {
  const { image, url } = wanted;
  if (tokenInUse() === null) {
    image.src = url;
    return;
  }
  try {
    const answer = await fetchWithToken(url);
    if (!answer.ok) throw new Error(answer.statusText);
    const own = URL.createObjectURL(await answer.blob());
    for (const end of ["load", "error"]) image.addEventListener(end, () => URL.revokeObjectURL(own), { once: true });
    if (loading.has(wanted)) image.src = own;
    else URL.revokeObjectURL(own);
  } catch {
    over(wanted);
  }
}

function over(wanted: Wanted): void {
  if (loading.delete(wanted)) next();
}
