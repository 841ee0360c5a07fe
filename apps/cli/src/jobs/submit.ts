import type { Client, Image, JobResource } from '@facequeue/client';
import { type FacequeueError, isFacequeueError } from '@facequeue/schema';
import type { Print, Say } from '../commands.ts';
import { expandInputs, type Input } from '../detect/inputs.ts';
import { readImage } from '../detect/read-image.ts';
import { INTERRUPTED, type Interruption } from '../interruption.ts';
import { UsageError } from '../usage.ts';
import { inOrder } from './in-order.ts';
import type { SubmitCall } from './options.ts';
import { reportFor } from './report.ts';

/** Images on their way at a time; each is in memory. */
const AT_ONCE = 4;

/** What came of an image. `left`: Ctrl-C came before its job had ended; `unsure`: before its job was known. */
type Outcome =
  | { input: Input; job: JobResource }
  | { input: Input; error: FacequeueError }
  | { input: Input; left: string }
  | { input: Input; unsure: true };

/**
 * Hands images in and prints their jobs, in the order of the arguments.
 * @returns the exit code
 * @throws UsageError
 */
export async function submitJobs(
  call: SubmitCall,
  client: Client,
  { stop, cut }: Interruption,
  print: Print,
  say: Say,
): Promise<number> {
  const { inputs, single } = expandInputs(call.args);
  const { idempotencyKey, waitMs } = call;
  if (idempotencyKey !== undefined && !single)
    throw new UsageError('--idempotency-key goes with one image: the key stands for that image.');
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
      if (waitMs !== undefined && job.finished_at === null) job = await waited(client, id, waitMs, stop);
      return { input, job };
    } catch (error) {
      if (stop.aborted && error === stop.reason) return { input, left: id! };
      if (cut.aborted && error === cut.reason) return { input, unsure: true };
      if (!isFacequeueError(error)) throw error;
      return { input, error };
    }
  };

  const report = reportFor(call, single);
  const left: string[] = [];
  const unsure: string[] = [];
  let failed = false;
  const begun = await inOrder(inputs, AT_ONCE, stop, submit, (outcome) => {
    const subject = { file: outcome.input.label };
    if ('job' in outcome) print(report.job(outcome.job, subject));
    else if ('error' in outcome) print(report.failed(subject, outcome.error));
    else if ('left' in outcome) left.push(outcome.left);
    else unsure.push(outcome.input.label);
    failed ||= 'error' in outcome || ('job' in outcome && endedBadly(outcome.job));
  });
  if (!stop.aborted) return failed ? 1 : 0;
  if (left.length) say(`Interrupted. These jobs go on: ${left.join(' ')}`);
  else say('Interrupted. What was handed in goes on.');
  if (unsure.length) say(`May or may not have been handed in: ${unsure.join(' ')}`);
  if (begun < inputs.length) say(`Not handed in: ${inputs.length - begun} images, from ${inputs[begun]!.label} on.`);
  return INTERRUPTED;
}

/** Whether a job has ended otherwise than well. */
export function endedBadly({ status, finished_at }: JobResource): boolean {
  return finished_at !== null && status !== 'succeeded';
}

async function imageOf({ from }: Input): Promise<Image> {
  if (from.kind === 'url') return { url: from.url };
  // The service says which size it takes.
  return { bytes: await readImage(from.path, Number.POSITIVE_INFINITY) };
}

/** The job when it has ended, or as it is when time is up. */
async function waited(client: Client, id: string, timeoutMs: number, signal: AbortSignal): Promise<JobResource> {
  try {
    return await client.wait(id, { timeoutMs, signal });
  } catch (error) {
    if (!isFacequeueError(error) || error.code !== 'wait_timeout') throw error;
    return client.job(id, { signal });
  }
}
