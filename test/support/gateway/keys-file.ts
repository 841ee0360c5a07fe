import { createHash } from 'node:crypto';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KeyEntry } from '@facequeue/schema/keys-file';
import { keyOf } from './api-keys.ts';

/** An entry of a test's key, whose secret is `keyOf(name)`. */
export type TestKey = { name: string } & Partial<KeyEntry>;

/** A file of API keys in a folder of its own. */
export class TestKeysFile implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'facequeue-keys-'));
  readonly path = join(this.#folder, 'keys.json');

  constructor(...keys: TestKey[]) {
    this.write(...keys);
  }

  write(...keys: TestKey[]): void {
    this.writeText(
      JSON.stringify({
        keys: keys.map(({ name, ...members }) => ({
          name,
          sha256: createHash('sha256').update(keyOf(name)).digest('hex'),
          ...members,
        })),
      }),
    );
  }

  writeText(text: string): void {
    // At once: a gateway that reads it meanwhile would find half a file, and say so.
    writeFileSync(`${this.path}.new`, text);
    renameSync(`${this.path}.new`, this.path);
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true });
  }
}
