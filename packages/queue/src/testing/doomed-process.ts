/**
 * A process that dies at a command to Redis of its choice, just before it is sent: `node doomed-process.ts <url> <prefix> <what it does> <n> <id>`.
 * Says `lived` when it has done its work with fewer commands.
 */
import { Redis } from 'ioredis';
import { openGatewayQueue } from '../gateway-queue.ts';
import { openWorkerQueue } from '../worker-queue.ts';
import { job, ROOMY, succeeded } from './rig.ts';

const [url, prefix, deed, nth, id] = process.argv.slice(2) as [string, string, Deed, string, string];
export type Deed = 'submit' | 'append' | 'post a frame' | 'run a job';

const common = { url, prefix, limits: ROOMY, onError: () => {} };

/** From now on commands of every connection count. */
function arm(): void {
  let left = Number(nth);
  const send = Redis.prototype.sendCommand;
  Redis.prototype.sendCommand = function (...args) {
    if (--left === 0) process.kill(process.pid, 'SIGKILL');
    return send.apply(this, args);
  };
}

if (deed === 'run a job') {
  const queue = await openWorkerQueue({ ...common, maxAttempts: 5 });
  const done = Promise.withResolvers<void>();
  arm();
  await queue.consume('interactive', { concurrency: 1 }, async (deliveryId) => {
    const claimed = await queue.claim(deliveryId, 'doomed');
    // When the first has ended, BullMQ delivers the second job at once.
    if (deliveryId !== id) return done.resolve();
    if (!claimed) return;
    await queue.blob(claimed.id);
    if (await queue.start(claimed.id, claimed.attempt)) await queue.finish(claimed.id, claimed.attempt, succeeded());
  });
  await done.promise;
} else {
  const queue = await openGatewayQueue({ ...common, resultTtlMs: 60_000, batchTtlMs: 60_000 });
  const { source, options, requestId, owner } = job();
  if (source.kind !== 'inline') throw new Error('a job of the rig has bytes');
  arm();
  if (deed === 'submit') await queue.submit(job({ id }));
  if (deed === 'append') {
    const item = (name: string) => ({ name, line: null, content: { kind: 'inline' as const, bytes: source.bytes } });
    await queue.batches.append(id, owner, ['a', 'b', 'c'].map(item), 'skip');
  }
  if (deed === 'post a frame') {
    const frame = { id, camera: 'gate', owner, requestId, options, bytes: source.bytes };
    await queue.cameras.submit({ ...frame, keep: 'all', startTimeoutMs: 60_000, takenAt: null });
  }
}
process.send!('lived');
