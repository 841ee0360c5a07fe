/** A gateway in this process over a real Redis, and a worker that answers as it is told instead of looking at images. */
import { randomUUID } from 'node:crypto';
import { startGateway } from '@facequeue/api';
import { gatewayVariables } from '@facequeue/api/variables';
import {
  admissionLimits,
  type ClaimedJob,
  createJobQueue,
  createWorkQueue,
  type JobQueue,
  type Outcome,
  UNLIMITED,
} from '@facequeue/queue';
import { type DetectionResult, QUEUE_NAMES } from '@facequeue/schema';
import { readConfig } from '@facequeue/schema/config';
import { encodeResult, roundedFace } from '@facequeue/schema/result-codec';
import { pino } from 'pino';

/** One face with all it can have. */
export const CANNED_RESULT: DetectionResult = {
  Faces: [
    roundedFace({
      box: { x: 10, y: 20, width: 30, height: 40 },
      confidence: 0.9,
      points: Array.from({ length: 212 }, (_, i) => i),
      attributes: { male: 0.2, age: 31 },
      image: { width: 640, height: 480 },
    }),
  ],
  FaceModelVersion: '1.0.0',
};

export const CANNED_OUTCOME: Outcome = {
  status: 'succeeded',
  result: encodeResult(CANNED_RESULT),
  image: { width: 640, height: 480, format: 'jpeg', bytes: 1234, orientation: 1 },
  timings: { queue: 3, fetch: 0, decode: 14, detect: 17, landmarks: 3, attributes: 2 },
};

export interface TestGateway extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly queue: JobQueue;
  /** Redis address and key prefix, for a worker or a look inside. */
  readonly redisUrl: string;
  readonly prefix: string;
  /** Log lines so far. */
  readonly lines: Record<string, unknown>[];
  close(graceMs?: number): Promise<void>;
}

/**
 * @param redisUrl a Redis of the test file's own; each gateway takes another key prefix in it, unless QUEUE_PREFIX names one
 * @param env settings beside the defaults
 */
export async function startTestGateway(redisUrl: string, env: Record<string, string> = {}): Promise<TestGateway> {
  const prefix = env['QUEUE_PREFIX'] ?? `{test-${randomUUID()}}`;
  const config = readConfig(gatewayVariables, { PORT: '0', REDIS_URL: redisUrl, QUEUE_PREFIX: prefix, ...env });
  const lines: Record<string, unknown>[] = [];
  const log = pino({ level: config.LOG_LEVEL }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const queue = await createJobQueue({
    url: redisUrl,
    prefix,
    limits: admissionLimits(config),
    resultTtlMs: config.RESULT_TTL,
    batchTtlMs: config.BATCH_TTL,
    onError: () => {},
  });
  const gateway = await startGateway(config, queue, log);
  let closed: Promise<void> | undefined;
  const close = (graceMs = 0) => {
    closed ??= gateway.close(graceMs).then(() => queue.close());
    return closed;
  };
  return {
    url: gateway.url,
    port: Number(new URL(gateway.url).port),
    queue,
    redisUrl,
    prefix,
    lines,
    close,
    [Symbol.asyncDispose]: () => close(),
  };
}

export interface CannedWorker extends AsyncDisposable {
  /** Jobs it was given, with the bytes of inline ones, in order. */
  readonly seen: { job: ClaimedJob; bytes: Buffer | null }[];
  close(): Promise<void>;
}

/** A worker that says it delivers webhooks, and does nothing. */
export async function startWebhookWorker({ redisUrl, prefix }: Pick<TestGateway, 'redisUrl' | 'prefix'>) {
  const work = await createWorkQueue({ url: redisUrl, prefix, maxAttempts: 5, limits: UNLIMITED, onError: () => {} });
  await work.heartbeat({
    id: randomUUID(),
    version: '0.1.0',
    device: null,
    models: null,
    engines: 0,
    queues: ['webhooks'],
    busy: 0,
    load: 0,
    startedAt: Date.now(),
  });
  return { [Symbol.asyncDispose]: () => work.close() };
}

/**
 * A worker on all queues of images.
 * @param answer how a job ends; by default with one face
 */
export async function startCannedWorker(
  gateway: Pick<TestGateway, 'redisUrl' | 'prefix'>,
  answer: (job: ClaimedJob, bytes: Buffer | null) => Outcome | Promise<Outcome> = () => CANNED_OUTCOME,
): Promise<CannedWorker> {
  const work = await createWorkQueue({
    url: gateway.redisUrl,
    prefix: gateway.prefix,
    maxAttempts: 5,
    limits: UNLIMITED,
    onError: () => {},
  });
  const id = randomUUID();
  const seen: CannedWorker['seen'] = [];
  await work.heartbeat({
    id,
    version: '0.1.0',
    device: 'cpu',
    models: { name: 'canned', version: '1.0.0' },
    engines: 1,
    queues: [...QUEUE_NAMES],
    busy: 0,
    load: 0,
    startedAt: Date.now(),
  });
  for (const queue of QUEUE_NAMES) {
    await work.consume(queue, { concurrency: 8 }, async (ticket) => {
      const job = await work.claim(ticket, id);
      if (!job) return;
      const bytes = job.source.kind === 'inline' ? await work.blob(job.id) : null;
      seen.push({ job, bytes });
      if (!(await work.start(job.id, job.attempt))) return;
      await work.finish(job.id, job.attempt, await answer(job, bytes));
    });
  }
  return { seen, close: () => work.close(), [Symbol.asyncDispose]: () => work.close() };
}
