/** What the tests of this package share: queues on a fresh prefix, and jobs to put in. */
import { randomUUID } from 'node:crypto';
import { DEFAULT_DETECTION_OPTIONS, type ImageFacts } from '@facequeue/schema';
import type { GatewayQueue } from '../gateway-queue.ts';
import { type GatewayQueueOptions, openGatewayQueue } from '../gateway-queue.ts';
import type { JobRecord, NewJob, Outcome } from '../job/job.ts';
import { newJobId } from '../job/job-id.ts';
import type { WebhookDelivery } from '../webhook/delivery.ts';
import type { WorkerQueue } from '../worker-queue.ts';
import { openWorkerQueue, type WorkerQueueOptions } from '../worker-queue.ts';

export const ROOMY = { maxWaiting: 1e6, maxBlobBytes: 1e9, maxResultBytes: 1e9, maxOldestMs: 600e3 };

/** Longer than a test may take, ms: an answer found only by a wait's last read fails the test. */
export const LONG = 600_000;

export const IMAGE: ImageFacts = { width: 8, height: 6, format: 'png', bytes: 99, orientation: 1 };

export const succeeded = (result = Buffer.from('result')): Outcome => ({
  status: 'succeeded',
  result,
  image: IMAGE,
  timings: { decode: 1 },
});

/** An inline job with three bytes, unless `more` changes that. */
export function job(more: Partial<NewJob> = {}): NewJob {
  return {
    id: newJobId(),
    queue: 'interactive',
    source: { kind: 'inline', bytes: Buffer.from([0, 128, 255]) },
    options: DEFAULT_DETECTION_OPTIONS,
    requestId: 'test',
    owner: '',
    startTimeoutMs: 60_000,
    ...more,
  };
}

/** The job that a webhook reports. */
export function jobOf({ subject }: WebhookDelivery): JobRecord {
  if (subject.kind !== 'job') throw new Error(`a webhook of a ${subject.kind}`);
  return subject.job;
}

/** Queues of one installation; disposing it closes all of them. */
export class Rig implements AsyncDisposable {
  readonly url: string;
  readonly prefix: string;
  readonly errors: Error[] = [];
  readonly #stack = new AsyncDisposableStack();

  constructor(url: string, prefix = `{fq-${randomUUID()}}`) {
    this.url = url;
    this.prefix = prefix;
  }

  async gateway(more: Partial<GatewayQueueOptions> = {}): Promise<GatewayQueue> {
    const queue = await openGatewayQueue({
      url: this.url,
      prefix: this.prefix,
      limits: ROOMY,
      resultTtlMs: 60_000,
      batchTtlMs: 60_000,
      onError: (error) => this.errors.push(error),
      ...more,
    });
    this.#stack.defer(() => queue.close());
    return queue;
  }

  async worker(more: Partial<WorkerQueueOptions> = {}): Promise<WorkerQueue> {
    const queue = await openWorkerQueue({
      url: this.url,
      prefix: this.prefix,
      maxAttempts: 5,
      limits: ROOMY,
      onError: (error) => this.errors.push(error),
      ...more,
    });
    this.#stack.defer(() => queue.close());
    return queue;
  }

  /** Takes from all queues and ends every job well. */
  async finishing(more: Partial<WorkerQueueOptions> = {}): Promise<WorkerQueue> {
    const queue = await this.worker(more);
    const finish = async (deliveryId: string) => {
      const claimed = await queue.claim(deliveryId, 'worker');
      if (claimed && (await queue.start(claimed.id, claimed.attempt)))
        await queue.finish(claimed.id, claimed.attempt, succeeded());
    };
    await queue.consume('interactive', { concurrency: 8 }, finish);
    await queue.consume('bulk', { concurrency: 8 }, finish);
    await queue.consume('cameras', { concurrency: 8 }, finish);
    return queue;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}
