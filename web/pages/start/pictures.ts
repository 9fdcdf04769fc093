/** Pictures that the user looks for the like of: kept while the page is open, and sent to the own server only. */

const kept = new Map<string, string>();

/** Keeps a picture file; returns the name that it is asked for by. */
export async function keepPicture(file: File): Promise<string> {
  const address = await new Promise<string>((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result as string);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
  kept.set(file.name, address.slice(address.indexOf(",") + 1));
  return file.name;
}

/** A kept picture's bytes in base64; undefined after the page was loaded anew. */
export const keptPicture = (name: string): string | undefined => kept.get(name);
