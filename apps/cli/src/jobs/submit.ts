import type { Client, Image, JobResource } from '@facequeue/client';
import { type FacequeueError, isFacequeueError } from '@facequeue/schema';
import { expandInputs, type Input } from '../detect/inputs.ts';
import { readImage } from '../detect/read-image.ts';
import { INTERRUPTED, type Interruption } from '../interruption.ts';
import type { Output } from '../output.ts';
import { UsageError } from '../usage.ts';
import { concurrentMap } from './concurrent-map.ts';
import type { SubmitCall } from './options.ts';
import { endedBadly, reportFor } from './report.ts';

/** Images submitted at a time; each is in memory. */
const CONCURRENCY = 4;

/** `running`: Ctrl-C came before this job had ended. `unknown`: Ctrl-C came before the service had answered. */
type Outcome =
  | { input: Input; job: JobResource }
  | { input: Input; error: FacequeueError }
  | { input: Input; running: string }
  | { input: Input; unknown: true };

/**
 * Submits images and prints their jobs, in the order of the arguments.
 * @returns the exit code
 * @throws UsageError
 */
export async function submitJobs(
  call: SubmitCall,
  client: Client,
  { stop, cut }: Interruption,
  { stdout, stderr }: Output,
): Promise<number> {
  const { inputs, single } = expandInputs(call.args);
  const { idempotencyKey, waitMs } = call;
  if (idempotencyKey !== undefined && !single)
    throw new UsageError('--idempotency-key takes one image: the key stands for that image');
  const options = {
    ...call.options,
    ...(call.bulk && { priority: 'bulk' as const }),
    ...(call.webhookUrl !== undefined && { webhook_url: call.webhookUrl }),
  };

  const submit = async (input: Input): Promise<Outcome> => {
    let id: string | undefined;
    try {
      const image = await imageOf(input);
      let job = await client.submit(image, options, {
        signal: cut,
        ...(idempotencyKey !== undefined && { idempotencyKey }),
      });
      id = job.id;
      if (waitMs !== undefined && job.finished_at === null) job = await waitOrRead(client, id, waitMs, stop);
      return { input, job };
    } catch (error) {
      if (stop.aborted && error === stop.reason) return { input, running: id! };
      if (cut.aborted && error === cut.reason) return { input, unknown: true };
      if (!isFacequeueError(error)) throw error;
      return { input, error };
    }
  };

  const report = reportFor(call, single);
  const running: string[] = [];
  const unknown: string[] = [];
  let failed = false;
  const started = await concurrentMap(inputs, CONCURRENCY, stop, submit, (outcome) => {
    const subject = { file: outcome.input.label };
    if ('job' in outcome) stdout(report.job(outcome.job, subject));
    else if ('error' in outcome) stdout(report.failed(subject, outcome.error));
    else if ('running' in outcome) running.push(outcome.running);
    else unknown.push(outcome.input.label);
    failed ||= 'error' in outcome || ('job' in outcome && endedBadly(outcome.job));
  });
  if (!stop.aborted) return failed ? 1 : 0;
  if (running.length) stderr(`Interrupted. These jobs continue: ${running.join(' ')}`);
  else stderr('Interrupted. Submitted jobs continue.');
  if (unknown.length) stderr(`May or may not have been submitted: ${unknown.join(' ')}`);
  if (started < inputs.length)
    stderr(`Not submitted: ${inputs.length - started} images, from ${inputs[started]!.label} on.`);
  return INTERRUPTED;
}

async function imageOf({ from }: Input): Promise<Image> {
  if (from.kind === 'url') return { url: from.url };
  // The service has its own limit and names it in the error.
  return { bytes: await readImage(from.path, Number.POSITIVE_INFINITY) };
}

/** The job at its end, or as it is when the time is over. */
async function waitOrRead(client: Client, id: string, timeoutMs: number, signal: AbortSignal): Promise<JobResource> {
  try {
    return await client.wait(id, { timeoutMs, signal });
  } catch (error) {
    if (!isFacequeueError(error) || error.code !== 'wait_timeout') throw error;
    return client.job(id, { signal });
  }
}
