import { type Errand, imagesOf } from '../plan/errands.ts';
import { type Caller, LetDown } from './caller.ts';
import { postFrames, runBatch } from './many.ts';
import { callForFaces, cancelJob, eraseJob, runJob } from './single.ts';

/**
 * Runs errands from so many lanes at once, in order of their list, each to its end. What goes wrong with one is a problem, not the end,
 * unless a caller was let down: then no other is begun.
 */
export async function runErrands(caller: Caller, errands: readonly Errand[], lanes: number): Promise<void> {
  let next = 0;
  const lane = async () => {
    for (let errand = errands[next++]; errand; errand = errands[next++]) {
      const began = performance.now();
      try {
        await run(caller, errand);
      } catch (error) {
        if (error instanceof LetDown) next = errands.length;
        caller.ledger.problem(`${errand.kind}: ${error instanceof Error ? error.stack : error}`);
      }
      caller.ledger.done(errand.kind, imagesOf(errand), began);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

function run(caller: Caller, errand: Errand): Promise<void> {
  switch (errand.kind) {
    case 'call':
      return callForFaces(caller, errand);
    case 'job':
      return runJob(caller, errand);
    case 'cancel':
      return cancelJob(caller, errand);
    case 'erase':
      return eraseJob(caller, errand);
    case 'batch':
      return runBatch(caller, errand);
    case 'frames':
      return postFrames(caller, errand);
  }
}
