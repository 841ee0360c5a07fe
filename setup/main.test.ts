import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';

const MAIN = join(import.meta.dirname, 'main.js');

describe('the set-up', () => {
  it('reports a Node that is too old', () => {
    const said: unknown[] = [];
    const exit = (code: number) => {
      throw new Error(`exit ${code}`);
    };
    const world = {
      process: { versions: { node: '18.19.1' }, exit },
      console: { error: (...text: unknown[]) => said.push(text) },
    };
    // As CommonJS, too: very old versions do not know the "type" of package.json.
    expect(() => runInNewContext(readFileSync(MAIN, 'utf8'), world)).toThrow('exit 1');
    expect(said.flat()).toEqual(
      expect.arrayContaining([expect.stringMatching(/needs Node .* or newer/), 20, '18.19.1']),
    );
  });

  it('refuses an unknown mode', () => {
    const { status, stderr } = spawnSync(process.execPath, [MAIN, 'everything'], { encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 2, stderr: 'usage: node setup/main.js start|test|packages\n' });
  });
});
