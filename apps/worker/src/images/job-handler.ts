import type { Registry } from '@facequeue/metrics';
import {
  type ClaimedJob,
  JobAborted,
  type JobHandler,
  type Outcome,
  type Place,
  type WorkerQueue,
} from '@facequeue/queue';
import { type ErrorCode, FacequeueError, isFacequeueError, type QueueName, type Timings } from '@facequeue/schema';
import { freeMemory, type Logger } from '@facequeue/service';
import { exponentialBackoff } from '@facequeue/time';
import type { ImageIds } from '../engines/output.ts';
import type { EnginePool } from '../engines/pool.ts';
import { type FetchedImage, type FetchPool, FetchPoolFull } from '../fetching/fetch-pool.ts';
import { type ActiveJobs, WorkerStopping } from './active-jobs.ts';
import { QUEUE_POLICIES } from './queues.ts';

/** Delay before a job runs again after a transient failure, ms. */
const retryDelay = exponentialBackoff({ firstMs: 500, maxMs: 30_000, jitter: 0.5 });

/** Log messages about the end of a job; bench/chaos counts them. */
export const JOB_MESSAGES = {
  succeeded: 'job succeeded',
  failed: 'job failed',
  discarded: 'job discarded, it had ended',
  stopping: 'job released, the worker is stopping',
  fetchPoolFull: 'job released, too many images of slow hosts are waiting',
  fault: 'job released after an internal error',
} as const;

/** Delay before a job runs again that found no room among the fetches, ms; half of it is random. */
const FULL_DELAY_MS = 4000;

/** What a job handler works with. */
export interface JobHandlerDeps {
  workerId: string;
  queue: Pick<WorkerQueue, 'claim' | 'blob' | 'start' | 'finish' | 'release'>;
  fetches: Pick<FetchPool, 'fetch'>;
  engines: Pick<EnginePool, 'acquire'>;
  activeJobs: ActiveJobs;
  log: Logger;
  metrics: Registry;
  /** 0 to 1, for jitter. */
  random(): number;
}

/** Codes that say nothing about the image: the job is run again. */
const NOT_THE_IMAGE: readonly ErrorCode[] = ['unavailable', 'internal_error'];

/**
 * Makes the function that runs one job from claim to finish. Every claimed job is finished, released, or ended by
 * another process. After an error that the function throws (Redis is unreachable), the stall check and the sweep recover the job.
 */
export function createJobHandler(deps: JobHandlerDeps): JobHandler {
  const { workerId, queue, activeJobs, metrics, random } = deps;
  return async (deliveryId, lost, place) => {
    using active = activeJobs.start(lost);
    const job = await queue.claim(deliveryId, workerId);
    if (!job) return;
    const { id } = job;
    const log = deps.log.child({ ...idsOf(job), queue: job.queue, attempt: job.attempt });
    using _ = countAbort(metrics, job.queue, active.signal);
    const timings: Timings = {};
    let outcome: Outcome | null;
    try {
      outcome = await detectFaces(deps, job, place, active.signal, timings);
    } catch (error) {
      if (active.signal.reason instanceof WorkerStopping) {
        log.info(JOB_MESSAGES.stopping);
        metrics.count('facequeue_jobs_released_total', { queue: job.queue, reason: 'stopping' });
        await queue.release(id, job.attempt, 0, true);
        return;
      }
      if (active.signal.aborted) return;
      if (error instanceof FetchPoolFull) {
        log.debug(JOB_MESSAGES.fetchPoolFull);
        metrics.count('facequeue_jobs_released_total', { queue: job.queue, reason: 'fetches' });
        await queue.release(id, job.attempt, (FULL_DELAY_MS * (1 + random())) / 2, true);
        return;
      }
      if (!isFacequeueError(error) || NOT_THE_IMAGE.includes(error.code)) {
        const delay = retryDelay(job.attempt, random());
        // A job that has ended may fail here, too: a cancel erases its image. That is not a fault.
        if (!(await queue.release(id, job.attempt, delay))) log.debug({ err: error }, JOB_MESSAGES.discarded);
        else {
          log.error({ err: error, delay }, JOB_MESSAGES.fault);
          metrics.count('facequeue_jobs_released_total', { queue: job.queue, reason: 'fault' });
        }
        return;
      }
      outcome = { status: 'failed', error: { code: error.code, detail: error.message }, timings };
    }
    const recorded = outcome !== null && (await queue.finish(id, job.attempt, outcome));
    countEnd(metrics, job.queue, recorded ? outcome : null);
    if (!recorded) log.debug(JOB_MESSAGES.discarded);
    else if (outcome?.status === 'failed') log.info({ code: outcome.error.code, timings }, JOB_MESSAGES.failed);
    else log.debug({ timings }, JOB_MESSAGES.succeeded);
  };
}

/**
 * Fetches the image, waits for an engine, and has the faces detected.
 * @param timings filled stage by stage, so a failed job has those of the stages that ran
 * @returns how the job ends; null when it has ended already
 */
async function detectFaces(
  deps: JobHandlerDeps,
  job: ClaimedJob,
  place: Place,
  signal: AbortSignal,
  timings: Timings,
): Promise<Outcome | null> {
  const { queue, engines } = deps;
  using image = await imageOf(deps, job, place, signal, timings);
  using slot = await engines.acquire(QUEUE_POLICIES[job.queue].priority, job.flow, signal);
  timings.queue = tenths(Math.max(0, Date.now() - job.createdAt - timings.fetch!));
  if (!(await queue.start(job.id, job.attempt))) return null;
  const answer = await slot.run({ bytes: image.bytes, options: job.options }, signal, idsOf(job));
  // The engine has read them. After an error it may not have read all of them, so they are left to the garbage collector.
  freeMemory(image.bytes);
  for (const [stage, ms] of Object.entries(answer.timings)) timings[stage as keyof Timings] = tenths(ms);
  const { result, details, image: facts } = answer;
  return { status: 'succeeded', result, details, image: facts, timings };
}

/** @param timings `fetch` is the time of the fetch itself, and not of waiting for it */
async function imageOf(
  { queue, fetches }: JobHandlerDeps,
  job: ClaimedJob,
  place: Place,
  signal: AbortSignal,
  timings: Timings,
): Promise<FetchedImage> {
  const { source, flow, queue: name, maxImageBytes } = job;
  let beganAt = performance.now();
  const onFetch = () => {
    beganAt = performance.now();
  };
  const fetched =
    source.kind === 'url'
      ? fetches.fetch({ url: source.url, flow, queue: name, maxBytes: maxImageBytes }, place, signal, onFetch)
      : inlineImage(queue, job.id);
  return await fetched.finally(() => {
    timings.fetch = tenths(performance.now() - beganAt);
  });
}

const idsOf = ({ id, requestId }: ClaimedJob): ImageIds => ({ job_id: id, request_id: requestId });

/** @param outcome null: the job had ended already */
function countEnd(metrics: Registry, queue: QueueName, outcome: Outcome | null): void {
  const code = outcome?.status === 'failed' ? outcome.error.code : (outcome?.status ?? 'discarded');
  metrics.count('facequeue_jobs_ended_total', { queue, outcome: code });
  for (const [stage, ms] of Object.entries(outcome?.timings ?? {}))
    metrics.observe('facequeue_stage_duration_seconds', { queue, stage: stage as keyof Timings }, ms / 1000);
}

/** Counts, when disposed, a job that the queue aborted. */
function countAbort(metrics: Registry, queue: QueueName, signal: AbortSignal): Disposable {
  return {
    [Symbol.dispose]() {
      const { reason } = signal;
      if (reason instanceof JobAborted) metrics.count('facequeue_jobs_dropped_total', { queue, reason: reason.reason });
    },
  };
}

/** Rounds to tenths of a millisecond: more digits would only enlarge records. */
const tenths = (ms: number) => Math.round(ms * 10) / 10;

async function inlineImage(queue: JobHandlerDeps['queue'], id: string): Promise<FetchedImage> {
  const blob = await queue.blob(id);
  if (!blob) throw new FacequeueError('internal_error', 'the image bytes are no longer stored');
  return { bytes: blob, [Symbol.dispose]() {} };
}
