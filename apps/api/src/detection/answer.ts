import { FacequeueError, isTerminal, type Timings } from '@facequeue/schema';
import { endError, type JobView, jobResource, resultOf } from '@facequeue/schema/job-resource';
import { retryAfter } from '../admission/retry-after.ts';
import { countReported } from '../jobs/count-reported.ts';
import { appliedPreferences } from './prefer.ts';
import type { DetectionCall } from './read-call.ts';
import type { JobState } from './wait-for-job.ts';

/**
 * Answers with the faces of a job that has ended, else with the job or a time-out, as the caller prefers.
 * @throws the error with which the job ended; wait_timeout
 */
export function answer(call: DetectionCall, state: JobState): void {
  if (state.ended) answerFaces(call, state.job);
  else if (call.onTimeout === 'job') answerJob(call, state);
  else answerTimeout(state);
}

function answerFaces({ services, response, preferences }: DetectionCall, job: JobView): void {
  countReported(services.metrics, job);
  const applied = appliedPreferences(preferences, false);
  if (applied) response.setHeader('Preference-Applied', applied);
  const timing = serverTiming(job.timings);
  if (timing) response.setHeader('Server-Timing', timing);
  if (job.status !== 'succeeded') throw endError(job);
  if (job.image) response.setHeader('X-Image-Size', `${job.image.width}x${job.image.height}`);
  const leftOut = job.image?.faces_left_out;
  if (leftOut) response.setHeader('X-Faces-Left-Out', leftOut);
  response.json(resultOf(job));
}

function answerJob(
  { services, response, preferences }: DetectionCall,
  { job, retryAfterMs }: JobState & { ended: false },
): void {
  countReported(services.metrics, job);
  response.setHeader('Preference-Applied', appliedPreferences(preferences, true));
  if (!isTerminal(job.status)) response.setHeader('Retry-After', retryAfter(retryAfterMs));
  response.status(202).json(jobResource(job, services.config.BASE_PATH));
}

function answerTimeout({ job, retryAfterMs }: JobState & { ended: false }): never {
  const detail = `the job has not ended yet; read ${job.id} later`;
  throw new FacequeueError('wait_timeout', detail, { jobId: job.id, retryAfterMs });
}

/** `Server-Timing`: the milliseconds of each stage that ran. */
function serverTiming(timings: Timings): string {
  return Object.entries(timings)
    .map(([stage, ms]) => `${stage};dur=${ms}`)
    .join(', ');
}
