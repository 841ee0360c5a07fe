import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { newJobId, openGatewayQueue } from '@facequeue/queue';
import { DEFAULT_DETECTION_OPTIONS } from '@facequeue/schema';
import { expect, it } from 'vitest';
import { readPrivateRedisUrl } from './private-redis.ts';
import { TestHome } from './testing/running.ts';

/** Files under a folder that contain these bytes. */
function filesWith(marker: Buffer, folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((entry) => {
    if (!entry.isFile()) return [];
    try {
      return readFileSync(join(entry.parentPath, entry.name)).includes(marker) ? [entry.name] : [];
    } catch {
      // Redis has just removed it.
      return [];
    }
  });
}

it('a deleted image is in no file of the private Redis any more, nor what an interrupted rewrite left', async () => {
  await using home = new TestHome();
  const first = home.start();
  await first.ready();
  const image = randomBytes(2000);
  const marker = image.subarray(500, 564);
  {
    const queue = await openGatewayQueue({
      url: readPrivateRedisUrl(home.folder)!,
      prefix: '{fq}',
      limits: { maxWaiting: 10, maxBlobBytes: 1e6, maxResultBytes: 1e6, maxOldestMs: 1e6 },
      resultTtlMs: 60_000,
      batchTtlMs: 60_000,
      onError: () => {},
    });
    const id = newJobId();
    const options = DEFAULT_DETECTION_OPTIONS;
    const source = { kind: 'inline' as const, bytes: image };
    await queue.submit({ id, queue: 'bulk', source, options, requestId: 'test', owner: '', startTimeoutMs: 60_000 });
    // Redis puts a write off while the disk is busy.
    await expect.poll(() => filesWith(marker, home.folder), { timeout: 20_000 }).not.toEqual([]);
    await queue.erase(id, '');
    await expect.poll(() => filesWith(marker, home.folder), { timeout: 20_000 }).toEqual([]);
    await queue.close();
  }
  first.signal('SIGTERM');
  expect(await first.exit).toBe(0);

  writeFileSync(join(home.folder, 'redis', 'temp-rewriteaof-bg-1.aof'), image);
  await home.start().ready();
  expect(filesWith(marker, home.folder)).toEqual([]);
});
