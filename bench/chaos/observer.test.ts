import { createLogger } from '@facequeue/service';
import { expect, it } from 'vitest';
import { JOB_MESSAGES } from '../../apps/worker/src/images/job-handler.ts';
import type { AppProcess } from '../../test/support/processes/app-process.ts';
import { addLog, noLogCounts } from './observer.ts';

it('counts outcomes, releases and errors in the log of a worker that was killed while it wrote', () => {
  let text = '';
  const log = createLogger('worker', 'debug', (line) => {
    text += line;
  });
  log.child({ job_id: 'a' }).debug(JOB_MESSAGES.succeeded);
  log.child({ job_id: 'b' }).info({ code: 'image_undecodable' }, JOB_MESSAGES.failed);
  log.child({ job_id: 'a' }).debug(JOB_MESSAGES.discarded);
  log.child({ job_id: 'c' }).info(JOB_MESSAGES.stopping);
  log.child({ job_id: 'd' }).error({ err: new Error('a bug') }, JOB_MESSAGES.fault);
  text += '{"level":"error","msg":"cut o';
  const counts = noLogCounts();
  addLog(counts, { log: () => text } as AppProcess);
  expect(counts).toEqual({
    recorded: new Set(['a', 'b']),
    discarded: new Set(['a']),
    released: 1,
    errors: new Map([[`${JOB_MESSAGES.fault}: a bug`, 1]]),
  });
});
