/** A pack of stamps while it is written: what was written is brought to the disk meanwhile, not all at the end. */
import {
  closeSync,
  existsSync,
  fdatasync,
  fstatSync,
  fsync,
  ftruncateSync,
  openSync,
  readSync,
  writeSync,
} from "node:fs";
import { promisify } from "node:util";

/** So much is written between two of those; the system itself would wait for up to 30 s. */
const SYNC_BYTES = 2 ** 27;

/** Bytes appended to a new file at `path`, or after those of an earlier run that were taken. */
export class PackFile {
  readonly #file: number;
  /** Bytes of an earlier run may lie behind what was taken and appended. */
  #older: boolean;
  #length = 0;
  #unsynced = 0;
  #syncing: Promise<void> | null = null;
  #fault: unknown = null;

  /** `goOn`: what the file holds already can be read and taken. */
  constructor(path: string, goOn = false) {
    this.#older = goOn && existsSync(path);
    this.#file = openSync(path, this.#older ? "r+" : "w");
  }

  get length(): number {
    return this.#length;
  }

  /** The next bytes of an earlier run; null where there are not so many. */
  read(byteCount: number): Uint8Array<ArrayBuffer> | null {
    if (!this.#older || !(byteCount <= fstatSync(this.#file).size - this.#length)) return null;
    const bytes = new Uint8Array(byteCount);
    for (let done = 0; done < byteCount; )
      done += readSync(this.#file, bytes, done, byteCount - done, this.#length + done);
    return bytes;
  }

  /** Takes over the next bytes of an earlier run. */
  take(byteCount: number): void {
    this.#length += byteCount;
  }

  /** Throws what the system refuses. */
  append(bytes: Uint8Array): void {
    if (this.#older) ftruncateSync(this.#file, this.#length);
    this.#older = false;
    for (let done = 0; done < bytes.length; )
      done += writeSync(this.#file, bytes, done, bytes.length - done, this.#length + done);
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
