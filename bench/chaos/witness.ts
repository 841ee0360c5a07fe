/** What the processes themselves say: ends as they are announced, and computations that came to nothing. */
import { Redis } from 'ioredis';
import type { AppProcess } from '../../test/support/processes/app-process.ts';

export interface Witness extends Disposable {
  /** Ids whose end was announced more than once. */
  twice(): string[];
}

/** Hears every announced end; those announced while Redis is away are announced to nobody. */
export async function hearEnds(url: string, prefix: string): Promise<Witness> {
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

/** What the logs of ended processes add up to. */
export interface LogFigures {
  /** Jobs of which an outcome was recorded, and jobs of which one was discarded: it had ended, or was another worker's by then. */
  recorded: Set<string>;
  discarded: Set<string>;
  /** Jobs that stopping workers gave back. */
  givenBack: number;
  /** Lines of severity error, by message. */
  errors: Map<string, number>;
}

export function noFigures(): LogFigures {
  return { recorded: new Set(), discarded: new Set(), givenBack: 0, errors: new Map() };
}

/** Adds what an ended process has printed, a JSON object a line (pino). */
export function addLog(figures: LogFigures, app: AppProcess): void {
  for (const text of app.log().split('\n')) {
    if (!text.startsWith('{')) continue;
    const line = parsed(text);
    if (!line) continue;
    if (line.job && (line.msg === 'succeeded' || line.msg === 'failed')) figures.recorded.add(line.job);
    if (line.job && line.msg.startsWith('discarded')) figures.discarded.add(line.job);
    if (line.msg.startsWith('given back: the worker')) figures.givenBack += 1;
    if (line.level === 'error' || line.level === 'fatal') {
      const what = line.err?.message ? `${line.msg}: ${line.err.message}` : line.msg;
      figures.errors.set(what, (figures.errors.get(what) ?? 0) + 1);
    }
  }
}

/** Null for the line in the middle of which a process was killed. */
function parsed(text: string): { level: string; msg: string; job?: string; err?: { message?: string } } | null {
  try {
    return { msg: '', ...JSON.parse(text) };
  } catch {
    return null;
  }
}
