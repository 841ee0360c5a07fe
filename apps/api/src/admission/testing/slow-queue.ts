import { openWorkerQueue, UNLIMITED } from '@facequeue/queue';
import { sleep } from '@facequeue/time';
import { Redis } from 'ioredis';
import { CANNED_OUTCOME, type TestGateway } from '../../../../../test/support/gateway/index.ts';

/**
 * Leaves ten jobs in a queue with a low throughput.
 * @param submit makes a job without waiting for it
 */
export async function slowQueue(at: TestGateway, submit: () => Promise<Response>): Promise<void> {
  const ids: string[] = [];
  for (let i = 0; i < 30; i++) ids.push((await submit()).headers.get('x-job-id')!);
  const work = await openWorkerQueue({
    url: at.redisUrl,
    prefix: at.prefix,
    maxAttempts: 5,
    limits: UNLIMITED,
    onError: () => {},
  });
  const redis = new Redis(at.redisUrl);
  for (const id of ids.slice(0, 20)) {
    const token = await redis.hget(`${at.prefix}:job:${id}`, 'ticket');
    const job = await work.claim(token ?? id, 'worker');
    await work.start(job!.id, job!.attempt);
    await work.finish(job!.id, job!.attempt, CANNED_OUTCOME);
    // With 20 ms between two ends the estimate for the ten that remain is 200 ms.
    await sleep(20);
  }
  redis.disconnect();
  await work.close();
}
