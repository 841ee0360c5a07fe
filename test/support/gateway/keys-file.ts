import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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
    writeFileSync(this.path, text);
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true });
  }
}
