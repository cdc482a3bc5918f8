import { open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { TextFile } from '../../effects/text-file.js';
import { makeDirectory } from '../make-directory.js';

/** A file in the data directory, replaced by renaming a finished one over it. */
export class FsTextFile implements TextFile {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  async read(): Promise<string | undefined> {
    try {
      return await readFile(this.#path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  async write(text: string): Promise<void> {
    const unfinished = `${this.#path}.new`;
    await makeDirectory(dirname(this.#path));
    const file = await open(unfinished, 'w', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(unfinished, this.#path);
  }

  async remove(): Promise<void> {
    await rm(this.#path, { force: true });
  }
}
