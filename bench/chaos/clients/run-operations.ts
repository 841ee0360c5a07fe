import { imagesOf, type Operation } from '../plan/operations.ts';
import { type Caller, NoAnswer } from './caller.ts';
import { postFrames, runBatch } from './many.ts';
import { callForFaces, cancelJob, eraseJob, runJob } from './single.ts';

/**
 * Runs operations in order, `lanes` at a time. An error in one is a problem and the others continue, unless a caller got no
 * answer: then no further operation is started.
 */
export async function runOperations(caller: Caller, operations: readonly Operation[], lanes: number): Promise<void> {
  let next = 0;
  const lane = async () => {
    for (let operation = operations[next++]; operation; operation = operations[next++]) {
      const startedAt = performance.now();
      try {
        await run(caller, operation);
      } catch (error) {
        if (error instanceof NoAnswer) next = operations.length;
        caller.expectations.problem(`${operation.kind}: ${error instanceof Error ? error.stack : error}`);
      }
      caller.expectations.done(operation.kind, imagesOf(operation), startedAt);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

function run(caller: Caller, operation: Operation): Promise<void> {
  switch (operation.kind) {
    case 'call':
      return callForFaces(caller, operation);
    case 'job':
      return runJob(caller, operation);
    case 'cancel':
      return cancelJob(caller, operation);
    case 'erase':
      return eraseJob(caller, operation);
    case 'batch':
      return runBatch(caller, operation);
    case 'frames':
      return postFrames(caller, operation);
  }
}
