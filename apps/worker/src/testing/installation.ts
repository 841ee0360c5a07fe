/** An installation of its own in a Redis of the test file's: gateway's side, workers' sides, and what worker processes need to know of it. */
import { randomUUID } from 'node:crypto';
import {
  type AdmissionLimits,
  type GatewayQueue,
  type NewJob,
  newJobId,
  openGatewayQueue,
  openWorkerQueue,
  UNLIMITED,
  type WorkerQueue,
} from '@facequeue/queue';
import { DEFAULT_DETECTION_OPTIONS } from '@facequeue/schema';

export interface TestInstallation extends AsyncDisposable {
  readonly queue: GatewayQueue;
  /** Settings of its processes. */
  readonly env: Record<string, string>;
  /** Submits an interactive job of a small inline body, unless told otherwise. @returns its id */
  submit(more?: Partial<NewJob>): Promise<string>;
  /** Another worker's side. */
  workQueue(): Promise<WorkerQueue>;
}

export async function freshInstallation(
  redis: { url: string },
  limits: AdmissionLimits = UNLIMITED,
): Promise<TestInstallation> {
  await using stack = new AsyncDisposableStack();
  const common = { url: redis.url, prefix: `{fq-${randomUUID()}}`, limits, onError: () => {} };
  const queue = await openGatewayQueue({ ...common, resultTtlMs: 60_000, batchTtlMs: 60_000 });
  stack.defer(() => queue.close());
  const kept = stack.move();
  return {
    queue,
    env: { REDIS_URL: redis.url, QUEUE_PREFIX: common.prefix },
    async submit(more = {}) {
      const id = newJobId();
      const job: NewJob = {
        id,
        queue: 'interactive',
        source: { kind: 'inline', bytes: Buffer.from('image') },
        options: DEFAULT_DETECTION_OPTIONS,
        requestId: 'req-1',
        owner: '',
        startWithinMs: 60_000,
        ...more,
      };
      return (await queue.submit(job)).id;
    },
    async workQueue() {
      const work = await openWorkerQueue({ ...common, maxAttempts: 5 });
      kept.defer(() => work.close());
      return work;
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
