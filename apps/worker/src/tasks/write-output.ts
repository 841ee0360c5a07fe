import type { BatchTask } from '@facequeue/queue';
import { isTransient, type OutputTarget } from '@facequeue/source';
import { partsOf } from './result-parts.ts';
import { assertOwned, LEASE_MS, type TaskDeps, type Work } from './task.ts';

/** Parts of an upload; S3 takes 10 000, 80 GB in all, and none but the last below 5 MiB. */
const PART_BYTES = 8 * 1024 * 1024;
/** Time to take an upload away that is not to be completed, ms; the storage's own rules take care of what stays. */
const ABORT_MS = 10_000;

/** Where an upload has got to. */
interface Progress {
  upload: string;
  /** What names each part that is there, in order. */
  parts: string[];
  /** Of the last line in them. */
  cursor: string;
}

/** Writes all results of a batch to an object, as NDJSON, in parts. What fits into one part is written whole. */
export function writeOutput({ tasks, writer }: TaskDeps, task: BatchTask): Work {
  const { id, output } = task.batch;
  const target: OutputTarget = {
    url: output!.url,
    overwrite: output!.overwrite,
    contentType: 'application/x-ndjson',
    mark: id,
  };
  let progress: Progress | null = task.state ? JSON.parse(task.state) : null;
  const keep = async (next: Progress) => {
    progress = next;
    await assertOwned(tasks.save(task, JSON.stringify(next), LEASE_MS));
    return next;
  };
  /** Results of an erased batch are gone: what was read is whole if the batch is there after it. */
  const wasWhole = () => assertOwned(tasks.extend(task, LEASE_MS));

  return {
    async run(signal) {
      if (!progress && (await writer.inspect(target, signal)) === 'written') return;
      for await (const part of partsOf(
        (after, max) => tasks.results(id, after, max),
        progress?.cursor ?? '',
        PART_BYTES,
      )) {
        signal.throwIfAborted();
        if (part.last) await wasWhole();
        if (part.last && !progress) return await writer.put(target, part.bytes, signal);
        progress ??= await keep({ upload: await writer.begin(target, signal), parts: [], cursor: '' });
        if (part.bytes.length > 0) {
          const { upload, parts }: Progress = progress;
          const tag = await writer
            .putPart(target, upload, parts.length + 1, part.bytes, signal)
            .catch(async (error) => {
              // Completed by one who had lost its lease and did not know, the upload is gone and the object is there.
              if (isTransient(error) || (await writer.inspect(target, signal)) === 'vacant') throw error;
              return null;
            });
          if (tag === null) return;
          progress = await keep({ upload, parts: [...parts, tag], cursor: part.cursor });
        }
      }
      await writer.complete(target, progress!.upload, progress!.parts, signal);
    },
    async abandon() {
      if (progress) await writer.abort(target, progress.upload, AbortSignal.timeout(ABORT_MS));
    },
  };
}
