/** A worker without models, whose results a test chooses. */
import { randomUUID } from 'node:crypto';
import { type ClaimedJob, type Outcome, openWorkerQueue, UNLIMITED } from '@facequeue/queue';
import { type DetectionResult, QUEUE_NAMES } from '@facequeue/schema';
import { encodeDetails, encodeResult, roundedFace } from '@facequeue/schema/result-codec';
import type { TestGateway } from './test-gateway.ts';

/** One face with all its members. */
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

/** The same face with what `detail=true` adds. */
export const DETAILED_RESULT: DetectionResult = {
  ...CANNED_RESULT,
  Faces: CANNED_RESULT.Faces.map((face) => ({
    ...face,
    points_5: [1, 2, 3, 4, 5].map((x) => ({ x, y: 2 * x })),
    presence: 0.987,
    male: 0.2,
    pose: { roll: -3.5, yaw: 20.1, pitch: 0 },
    quality: { size_px: 34.6, sharpness: 321.5, brightness: 99.9, cut_by_edge: true },
  })),
  searched: { smallest_face_px: 11.2, scales: [0.5, 1], turned: 0, faces_left_out: 0 },
};

export const CANNED_OUTCOME: Extract<Outcome, { status: 'succeeded' }> = {
  status: 'succeeded',
  result: encodeResult(CANNED_RESULT),
  image: { width: 640, height: 480, format: 'jpeg', bytes: 1234, orientation: 1 },
  timings: { queue: 3, fetch: 0, decode: 14, detect: 17, landmarks: 3, attributes: 2 },
};

export const DETAILED_OUTCOME: Outcome = { ...CANNED_OUTCOME, details: encodeDetails(DETAILED_RESULT) };

export interface CannedWorker extends AsyncDisposable {
  /** Jobs it claimed, in order, with the bytes of inline ones. */
  readonly seen: { job: ClaimedJob; bytes: Buffer | null }[];
  close(): Promise<void>;
}

/** A worker that reports that it delivers webhooks, and does nothing. */
export async function startWebhookWorker({ redisUrl, prefix }: Pick<TestGateway, 'redisUrl' | 'prefix'>) {
  const work = await openWorkerQueue({ url: redisUrl, prefix, maxAttempts: 5, limits: UNLIMITED, onError: () => {} });
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
 * @param answer returns how a job ends; by default with one face
 */
export async function startCannedWorker(
  gateway: Pick<TestGateway, 'redisUrl' | 'prefix'>,
  answer: (job: ClaimedJob, bytes: Buffer | null) => Outcome | Promise<Outcome> = () => CANNED_OUTCOME,
): Promise<CannedWorker> {
  const work = await openWorkerQueue({
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
    await work.consume(queue, { concurrency: 8 }, async (deliveryId) => {
      const job = await work.claim(deliveryId, id);
      if (!job) return;
      const bytes = job.source.kind === 'inline' ? await work.blob(job.id) : null;
      seen.push({ job, bytes });
      if (!(await work.start(job.id, job.attempt))) return;
      await work.finish(job.id, job.attempt, await answer(job, bytes));
    });
  }
  return { seen, close: () => work.close(), [Symbol.asyncDispose]: () => work.close() };
}
