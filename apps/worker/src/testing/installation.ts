/** A fresh installation in the test file's Redis: a gateway's queue, workers' queues, and the settings for worker processes. */
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
  /** Submits a job, by default an interactive one with a small inline image. @returns its id */
  submit(more?: Partial<NewJob>): Promise<string>;
  /** Opens the queue of another worker. */
  workerQueue(): Promise<WorkerQueue>;
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
        startTimeoutMs: 60_000,
        ...more,
      };
      return (await queue.submit(job)).id;
    },
    async workerQueue() {
      const worker = await openWorkerQueue({ ...common, maxAttempts: 5 });
      kept.defer(() => worker.close());
      return worker;
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
