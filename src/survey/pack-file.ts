/** A pack of stamps while it is written: what was written is brought to the disk meanwhile, not all at the end. */
import { closeSync, fdatasync, fsync, openSync, writeSync } from "node:fs";
import { promisify } from "node:util";

/** So much is written between two of those; the system itself would wait for up to 30 s. */
const SYNC_BYTES = 2 ** 27;

/** Bytes appended to a new file at `path`. */
export class PackFile {
  readonly #file: number;
  #length = 0;
  #unsynced = 0;
  #syncing: Promise<void> | null = null;
  #fault: unknown = null;

  constructor(path: string) {
    this.#file = openSync(path, "w");
  }

  get length(): number {
    return this.#length;
  }

  /** Throws what the system refuses. */
  append(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) done += writeSync(this.#file, bytes, done, bytes.length - done);
    this.#length += bytes.length;
    this.#unsynced += bytes.length;
    if (this.#unsynced >= SYNC_BYTES && this.#syncing === null) this.#sync();
  }

  #sync(): void {
    this.#unsynced = 0;
    this.#syncing = promisify(fdatasync)(this.#file)
      .catch((error: unknown) => {
        this.#fault ??= error;
      })
      .then(() => {
        this.#syncing = null;
      });
  }

  /** All of it on the disk, and closed. Rejects with what the system refuses. */
  async finish(): Promise<void> {
    await this.#syncing;
    try {
      if (this.#fault !== null) throw this.#fault;
      await promisify(fsync)(this.#file);
    } finally {
      closeSync(this.#file);
    }
  }

  /** Closed, without a word on what became of it. */
  async drop(): Promise<void> {
    await this.#syncing;
    closeSync(this.#file);
  }
}
