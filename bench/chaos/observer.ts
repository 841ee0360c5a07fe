/** What the processes publish and log: announced ends and discarded outcomes. */
import { Redis } from 'ioredis';
import { JOB_MESSAGES } from '../../apps/worker/src/images/job-handler.ts';
import type { AppProcess } from '../../test/support/processes/app-process.ts';

export interface EndObserver extends Disposable {
  /** Ids whose end was announced more than once. */
  twice(): string[];
}

/** Receives every announced end, except during outages of Redis. */
export async function observeEnds(url: string, prefix: string): Promise<EndObserver> {
  const ends = new Map<string, number>();
  const subscriber = new Redis(url, { maxRetriesPerRequest: null, retryStrategy: () => 50 });
  subscriber.on('error', () => {});
  subscriber.on('message', (_: string, message: string) => {
    const [id = ''] = message.split(' ', 1);
    ends.set(id, (ends.get(id) ?? 0) + 1);
  });
  await subscriber.subscribe(`${prefix}:ended`);
  return {
    twice: () => [...ends].filter(([, count]) => count > 1).map(([id]) => id),
    [Symbol.dispose]: () => subscriber.disconnect(),
  };
}

/** Counts over the logs of ended processes. */
export interface LogCounts {
  /** Jobs with a recorded outcome. */
  recorded: Set<string>;
  /** Jobs with a discarded outcome: the job had ended, or another worker had it by then. */
  discarded: Set<string>;
  /** Jobs that stopping workers released. */
  released: number;
  /** Lines of level error and above, by message. */
  errors: Map<string, number>;
}

export function noLogCounts(): LogCounts {
  return { recorded: new Set(), discarded: new Set(), released: 0, errors: new Map() };
}

/** Adds the log of an ended process, one JSON object per line. */
export function addLog(counts: LogCounts, app: AppProcess): void {
  for (const text of app.log().split('\n')) {
    if (!text.startsWith('{')) continue;
    const line = parsed(text);
    if (!line) continue;
    if (line.job_id && (line.msg === JOB_MESSAGES.succeeded || line.msg === JOB_MESSAGES.failed))
      counts.recorded.add(line.job_id);
    if (line.job_id && line.msg === JOB_MESSAGES.discarded) counts.discarded.add(line.job_id);
    if (line.msg === JOB_MESSAGES.stopping) counts.released += 1;
    if (line.level === 'error' || line.level === 'fatal') {
      const what = line.err?.message ? `${line.msg}: ${line.err.message}` : line.msg;
      counts.errors.set(what, (counts.errors.get(what) ?? 0) + 1);
    }
  }
}

interface LogLine {
  level: string;
  msg: string;
  job_id?: string;
  err?: { message?: string };
}

/** Null for a line that was cut off when its process was killed. */
function parsed(text: string): LogLine | null {
  try {
    return { msg: '', ...JSON.parse(text) };
  } catch {
    return null;
  }
}
