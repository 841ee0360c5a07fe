import { readFile, stat } from 'node:fs/promises';
import { ConfigError } from '@facequeue/schema/config';
import { type KeyEntry, readKeysFile } from '@facequeue/schema/keys-file';

/** API_KEYS_FILE, and which version of it was read last. */
export class KeysFile {
  readonly #path: string;
  #version = '';

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Whether the file differs from what was read last. It is asked rather than watched: Kubernetes replaces the folder of a mounted
   * secret by a link, and network file systems report no changes.
   */
  async hasChanged(): Promise<boolean> {
    return (await this.#readVersion()) !== this.#version;
  }

  /** @throws ConfigError when it cannot be read, or says what no keys file says */
  async read(): Promise<KeyEntry[]> {
    // A change while it is read is found by the next check.
    this.#version = await this.#readVersion();
    try {
      const text = await readFile(this.#path, 'utf8').catch((error) => {
        // It may succeed next time, although the file stays as it is: permissions changed, or there were too many open files.
        this.#version = reasonOf(error);
        throw error;
      });
      return readKeysFile(text).keys;
    } catch (error) {
      throw new ConfigError(`API_KEYS_FILE ${this.#path} cannot be used: ${reasonOf(error)}`);
    }
  }

  async #readVersion(): Promise<string> {
    try {
      const { ino, size, mtimeNs } = await stat(this.#path, { bigint: true });
      return [ino, size, mtimeNs].join();
    } catch (error) {
      return reasonOf(error);
    }
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'code' in error ? String(error.code) : error.message;
}
