import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { COUNT_COLLECTIONS, type Collections, collectionsOf } from './read.ts';

/** Collects a hundred times for each line, in the way that it names. */
const PROGRAM = `
  process.stdin.on('data', (line) => {
    for (let i = 0; i < 100; i++) globalThis.gc({ type: String(line).trim() });
  });
  console.log('ready');
`;

describe('collections of another process', () => {
  it('are counted, minor ones and full ones apart', async () => {
    const child = spawn(process.execPath, ['--expose-gc', '-e', PROGRAM], {
      env: { ...process.env, NODE_OPTIONS: COUNT_COLLECTIONS },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const counts = () => collectionsOf(child.pid!)!;
    const collect = async (type: 'major' | 'minor', kind: keyof Collections) => {
      const before = counts();
      child.stdin.write(type);
      await expect.poll(() => counts()[kind] - before[kind], { timeout: 20_000 }).toBeGreaterThanOrEqual(100);
      const after = counts();
      return { minor: after.minor - before.minor, full: after.full - before.full };
    };
    try {
      await once(child.stdout, 'data');
      // V8 may add a few of its own.
      expect((await collect('major', 'full')).minor).toBeLessThan(50);
      expect((await collect('minor', 'minor')).full).toBeLessThan(50);
    } finally {
      child.kill();
    }
  });

  it('are absent where the process does not count them', () => {
    expect(collectionsOf(process.pid)).toBeNull();
  });
});
