import type { JobEvent, JobResource } from '@facequeue/client';
import { type FacequeueError, toProblem } from '@facequeue/schema';

/** What a line is about: a job, or the file of an image that was to become one. */
export interface Subject {
  id?: string;
  file?: string;
}

/** Formats jobs, one line each. */
export interface Report {
  job(job: JobResource, subject: Subject): string;
  failed(subject: Subject, error: FacequeueError): string;
  erased(id: string): string;
  event(event: JobEvent): string;
}

const line = (value: unknown) => `${JSON.stringify(value)}\n`;

/** The API's JSON, with the subject's members first. */
const jsonLines: Report = {
  job: (job, { file }) => line({ ...(file !== undefined && { file }), ...job }),
  failed: (subject, error) => line({ ...subject, error: toProblem(error.code, error.message, error.jobId) }),
  erased: (id) => line({ id, erased: true }),
  event: (event) => line(event),
};

/** For a single image: the API's job or problem, without further members. */
const bareJson: Report = {
  ...jsonLines,
  job: (job) => line(job),
  failed: (_, error) => line(toProblem(error.code, error.message, error.jobId)),
};

/**
 * For people. The id comes first, so that `cut -d' ' -f1` prints the ids.
 * @param service URL, printed when it cannot be reached
 */
function forPeople(service: string): Report {
  const job: Report['job'] = (job, { file }) => {
    const columns = [job.id, job.status.padEnd(10), file, describe(job)];
    return `${columns.filter(Boolean).join('  ').trim()}\n`;
  };
  return {
    job,
    failed({ id, file }, { code, message }) {
      const where = code === 'unavailable' ? ` (${service})` : '';
      return `${file ?? id}: ${code}: ${message}${where}\n`;
    },
    erased: (id) => `${id}  erased\n`,
    event(event) {
      if (event.type === 'job') return job(event.job, {});
      const { at, status, attempts } = event;
      // A queued job that has an attempt was released by a worker.
      const attempt = attempts > (status === 'queued' ? 0 : 1) ? ` (attempt ${attempts})` : '';
      return `${at}  ${status}${attempt}\n`;
    },
  };
}

export function reportFor({ json, service }: { json: boolean; service: string }, single: boolean): Report {
  if (!json) return forPeople(service);
  return single ? bareJson : jsonLines;
}

/** Whether a job has ended, and not with success. */
export function endedBadly({ status, finished_at }: JobResource): boolean {
  return finished_at !== null && status !== 'succeeded';
}

function describe({ result, error, image, timings, webhook }: JobResource): string {
  const facts: string[] = [];
  if (result) facts.push(`${result.Faces.length} ${result.Faces.length === 1 ? 'face' : 'faces'}`);
  if (error) facts.push(`${error.code}: ${error.detail}`);
  if (image) facts.push(`${image.width}x${image.height} ${image.format}`);
  const took = Object.values(timings).reduce((sum, ms) => sum + ms, 0);
  if (result && took) facts.push(`${took.toFixed(0)} ms`);
  if (webhook) facts.push(`webhook ${webhook.status}`);
  return facts.join(', ');
}
