import type { BatchTask } from '@facequeue/queue';
import { isTransient, type OutputTarget } from '@facequeue/source';
import { partsOf } from './result-parts.ts';
import { assertOwned, LEASE_MS, type TaskDeps, type TaskWork } from './task.ts';

/** Parts of an upload. S3 takes 10 000, 80 GB in all, and only the last may be below 5 MiB. */
const PART_BYTES = 8 * 1024 * 1024;
/** Time to abort an upload that is not completed, ms. What remains is left to the storage's own lifecycle rules. */
const ABORT_MS = 10_000;

/** Progress of an upload, as saved. */
interface Progress {
  upload: string;
  /** Tags of the uploaded parts, in order. */
  parts: string[];
  /** Cursor of the last line in them. */
  cursor: string;
}

/** Writes all results of a batch to an object, as NDJSON, in parts. Results that fit into one part are written in one request. */
export function writeOutput({ tasks, writer }: TaskDeps, task: BatchTask): TaskWork {
  const { id, output } = task.batch;
  const target: OutputTarget = {
    url: output!.url,
    overwrite: output!.overwrite,
    contentType: 'application/x-ndjson',
    mark: id,
  };
  let progress: Progress | null = task.state ? JSON.parse(task.state) : null;
  const save = async (next: Progress) => {
    progress = next;
    await assertOwned(tasks.save(task, JSON.stringify(next), LEASE_MS));
    return next;
  };
  /** An erased batch has no results either, so the results are complete only if the batch still exists after the read. */
  const assertBatchExists = () => assertOwned(tasks.extend(task, LEASE_MS));

  return {
    async run(signal) {
      if (!progress && (await writer.inspect(target, signal)) === 'written') return;
      for await (const part of partsOf(
        (after, max) => tasks.results(id, after, max),
        progress?.cursor ?? '',
        PART_BYTES,
      )) {
        signal.throwIfAborted();
        if (part.last) await assertBatchExists();
        if (part.last && !progress) return await writer.put(target, part.bytes, signal);
        progress ??= await save({ upload: await writer.begin(target, signal), parts: [], cursor: '' });
        if (part.bytes.length > 0) {
          const { upload, parts }: Progress = progress;
          const tag = await writer
            .putPart(target, upload, parts.length + 1, part.bytes, signal)
            .catch(async (error) => {
              // A worker that did not know that its lease was lost may have completed the upload. Then only the object exists.
              if (isTransient(error) || (await writer.inspect(target, signal)) === 'vacant') throw error;
              return null;
            });
          if (tag === null) return;
          progress = await save({ upload, parts: [...parts, tag], cursor: part.cursor });
        }
      }
      await writer.complete(target, progress!.upload, progress!.parts, signal);
    },
    async abandon() {
      if (progress) await writer.abort(target, progress.upload, AbortSignal.timeout(ABORT_MS));
    },
  };
}
