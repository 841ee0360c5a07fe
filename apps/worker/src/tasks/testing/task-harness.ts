/** Batches on a real queue and a real S3 server, workers that run tasks, and items whose ends the test decides. */
import { Registry } from '@facequeue/metrics';
import {
  type AdmissionLimits,
  type BatchTask,
  type ItemResult,
  type NewBatch,
  type NewItem,
  newJobId,
} from '@facequeue/queue';
import { DEFAULT_DETECTION_OPTIONS, type DetectionResult, type ErrorCode } from '@facequeue/schema';
import { encodeResult, roundedFace } from '@facequeue/schema/result-codec';
import { createLogger } from '@facequeue/service';
import { createObjectLister, createObjectWriter, parseS3Prefix, type StorageOptions } from '@facequeue/source';
import { expect, vi } from 'vitest';
import { parseExposition, seriesValue } from '../../../../../test/support/metrics/exposition.ts';
import { S3_CREDENTIALS, startS3, type TestS3 } from '../../../../../test/support/servers/s3-server.ts';
import { freshInstallation, type TestInstallation } from '../../testing/installation.ts';
import { LEASE_MS, type TaskDeps } from '../task.ts';
import { startTasks } from '../task-runner.ts';

/** A result with this many faces, all with landmarks: 2 kB a face as text. */
export function crowd(faces: number): Buffer {
  const image = { width: 4000, height: 4000 };
  const result: DetectionResult = {
    Faces: Array.from({ length: faces }, (_, i) =>
      roundedFace({
        box: { x: i, y: 2 * i, width: 100, height: 120 },
        confidence: 0.9,
        points: Array.from({ length: 212 }, (_, k) => 1000 + i + k),
        image,
      }),
    ),
    FaceModelVersion: '1.0.0',
  };
  return encodeResult(result);
}

export interface TaskHarness extends TestInstallation {
  readonly s3: TestS3;
  /** Creates a batch with all its items, and closes it. @returns its id */
  batch(more?: Partial<NewBatch>, items?: NewItem[]): Promise<string>;
  /** What a worker's tasks work with. */
  deps(more?: Partial<TaskDeps>): Promise<TaskDeps>;
  /** Starts a worker that runs tasks until it or the harness is closed. */
  worker(more?: Partial<TaskDeps>): Promise<{ close(): Promise<void> }>;
  /** Makes every item succeed. */
  runItems(result?: Buffer): Promise<void>;
  /** Waits for the end of a batch. @returns its record */
  ended(id: string): Promise<NonNullable<Awaited<ReturnType<TestInstallation['queue']['batches']['read']>>>>;
  results(id: string): Promise<ItemResult[]>;
}

/** The buckets `photos` and `results` exist and are allowed; `nobucket` is allowed and does not exist. */
export async function openTaskHarness(redis: { url: string }, limits?: AdmissionLimits): Promise<TaskHarness> {
  await using stack = new AsyncDisposableStack();
  const here = stack.use(await freshInstallation(redis, limits));
  const s3 = stack.use(await startS3());
  await s3.createBucket('photos');
  await s3.createBucket('results');
  const storage = (...prefixes: string[]): StorageOptions => ({
    s3: {
      prefixes: prefixes.map((prefix) => parseS3Prefix(prefix)!),
      endpoint: s3.endpoint,
      forcePathStyle: true,
      credentials: S3_CREDENTIALS,
    },
    connectMs: 2000,
    totalMs: 20_000,
  });
  const lister = stack.use(createObjectLister(storage('photos', 'nobucket')));
  const writer = stack.use(createObjectWriter(storage('results', 'nobucket')));
  const { batches } = here.queue;

  const deps = async (more: Partial<TaskDeps> = {}): Promise<TaskDeps> => {
    const { tasks } = await here.workerQueue();
    return {
      tasks,
      lister,
      writer,
      log: createLogger('worker', 'silent'),
      metrics: new Registry('worker'),
      random: () => 0,
      ...more,
    };
  };
  const kept = stack.move();
  return {
    ...here,
    s3,
    async batch(more = {}, items = []) {
      const id = newJobId();
      const requestId = 'req-1';
      await batches.create({ id, owner: '', requestId, options: DEFAULT_DETECTION_OPTIONS, open: false, ...more });
      if (items.length > 0) await batches.append(id, '', items, 'fail');
      await batches.settle(id);
      return id;
    },
    deps,
    async worker(more) {
      const worker = startTasks(await deps(more));
      kept.defer(() => worker.close());
      return worker;
    },
    async runItems(result = crowd(1)) {
      const work = await here.workerQueue();
      await work.consume('bulk', { concurrency: 8 }, async (deliveryId) => {
        const job = await work.claim(deliveryId, 'w');
        if (!job || !(await work.start(job.id, job.attempt))) return;
        const image = { width: 4000, height: 4000, format: 'jpeg' as const, bytes: 5, orientation: 1 };
        await work.finish(job.id, job.attempt, { status: 'succeeded', result, image, timings: { detect: 1 } });
      });
    },
    async ended(id) {
      using subscription = here.queue.subscribe(id);
      for (;;) {
        const record = await batches.read(id, '');
        if (!record) throw new Error('no such batch');
        if (record.finishedAt !== null) return record;
        if (!(await subscription.nextChange(30_000)))
          throw new Error(`the batch did not change for 30 s: ${JSON.stringify(record)}`);
      }
    },
    async results(id) {
      const all: ItemResult[] = [];
      for (;;) {
        const page = await batches.results(id, all.at(-1)?.cursor ?? '', 1000);
        if (page.length === 0) return all;
        all.push(...page);
      }
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** Items that fail when they are appended. */
export const badItems = (count: number): NewItem[] =>
  Array.from({ length: count }, (_, i) => ({
    name: `bad-${i}`,
    line: i + 1,
    content: { kind: 'error', code: 'invalid_request', detail: 'is not JSON' },
  }));

export const goodItems = (count: number): NewItem[] =>
  Array.from({ length: count }, (_, i) => ({
    name: `good-${i}`,
    line: i + 1,
    content: { kind: 'inline', bytes: Buffer.from('image') },
  }));

export const failedWith = (code: ErrorCode, text: string) => ({
  status: 'failed',
  error: { code, detail: expect.stringContaining(text) },
});

/** Leases the task that is due, or will be soon. */
export const leased = ({ tasks }: Pick<TaskDeps, 'tasks'>, leaseMs = LEASE_MS) =>
  vi.waitFor(
    async () => {
      const task = await tasks.lease(leaseMs);
      expect(task).not.toBeNull();
      return task!;
    },
    { timeout: 20_000, interval: 5 },
  );

/** What a worker has counted of its tasks. */
export async function outcomesOf({ metrics }: Pick<TaskDeps, 'metrics'>, kind: BatchTask['kind']) {
  const counted = parseExposition(await metrics.text());
  const of = (outcome: string) => seriesValue(counted, 'facequeue_tasks_total', { kind, outcome });
  const names = ['done', 'failed', 'retry', 'stopping', 'lost'].filter((outcome) => of(outcome) > 0);
  return Object.fromEntries(names.map((outcome) => [outcome, of(outcome)]));
}

/** Resolves when the server has received `count` requests of this kind. */
export const askedFor = (s3: TestS3, operation: TestS3['requests'][number]['operation'], count = 1) =>
  vi.waitFor(
    () => expect(s3.requests.filter((one) => one.operation === operation).length).toBeGreaterThanOrEqual(count),
    {
      timeout: 20_000,
      interval: 2,
    },
  );
