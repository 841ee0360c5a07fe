import { FacequeueError } from '@facequeue/schema/errors';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { followJob, type JobEvent } from './follow.ts';

let times: number[];
beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, 'random').mockReturnValue(0);
  times = [];
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** The chunks that one connection delivers, each so many ms after the previous one; `silence`: it stays open and sends no more. */
type Connection = [text: string, afterMs?: number][] | FacequeueError;
const silence: [string, number] = ['', Number.POSITIVE_INFINITY];

const status = 'event: status\ndata: {"status":"queued"}\n\n';
const job = 'event: job\ndata: {"id":"a"}\n\n';

/** A service that gives each connection its chunks; the last entry repeats. */
function service(...connections: Connection[]) {
  return async (_path: string, _headers: Record<string, string>, signal: AbortSignal): Promise<Response> => {
    times.push(performance.now());
    const connection = (connections.length > 1 ? connections.shift() : connections[0])!;
    if (connection instanceof FacequeueError) throw connection;
    const left = [...connection];
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        // As the body of `fetch`, it breaks when its signal has aborted.
        signal.throwIfAborted();
        const [text, afterMs = 0] = left.shift() ?? [];
        if (text === undefined) return controller.close();
        await new Promise<void>((resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason));
          if (afterMs === 0) resolve();
          else if (afterMs !== Number.POSITIVE_INFINITY) setTimeout(resolve, afterMs);
        });
        controller.enqueue(new TextEncoder().encode(text));
      },
    });
    return new Response(body, { headers: { 'content-type': 'text/event-stream; charset=utf-8' } });
  };
}

const pauses = () => times.slice(1).map((time, i) => Math.round(time - times[i]!));

async function followed(open: ReturnType<typeof service>): Promise<(JobEvent['type'] | FacequeueError)[]> {
  const all: (JobEvent['type'] | FacequeueError)[] = [];
  const end = (async () => {
    for await (const event of followJob(open, '/jobs/a/events', undefined)) all.push(event.type);
  })().catch((error) => void all.push(error));
  await vi.runAllTimersAsync();
  await end;
  return all;
}

describe('following a job', () => {
  it('connects again after the pause that the stream asks for', async () => {
    const open = service([['retry: 7000\n\n'], [status]], [[status]], [[job]]);
    expect(await followed(open)).toEqual(['status', 'status', 'job']);
    expect(pauses()).toEqual([7000, 7000]);
  });

  it('keeps a stream that sends something every 45 s, and abandons one that does not', async () => {
    const heartbeat: [string, number] = [': here\n\n', 44_000];
    expect(await followed(service([[status], heartbeat, heartbeat, silence], [[job]]))).toEqual(['status', 'job']);
    expect(pauses()).toEqual([44_000 + 44_000 + 45_000 + 2000]);
  });

  it('treats a connection without an answer as broken', async () => {
    const connect = service([[job]]);
    const open: typeof connect = (path, headers, signal) => {
      if (times.push(performance.now()) > 1) return connect(path, headers, signal);
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    };
    expect(await followed(open)).toEqual(['job']);
    expect(times[1]! - times[0]!).toBe(45_500);
  });

  it('slows down for a service that closes every stream at once', async () => {
    const vain: Connection = [['retry: 0\n\n']];
    await followed(service(vain, vain, vain, [['retry: 0\n\n'], [status]], vain, [[job]]));
    expect(pauses()).toEqual([500, 1000, 2000, 0, 500]);
  });

  it('does not slow down for a proxy that cuts silent streams after a while', async () => {
    const cut = (afterMs: number): Connection => [['retry: 0\n\n'], [': here\n\n', afterMs]];
    await followed(service(cut(30_000), cut(30_000), cut(30_000), [[job]]));
    expect(pauses()).toEqual([30_000, 30_000, 30_000]);
    // Closed within 5 s, a stream was not cut for its silence.
    times = [];
    await followed(service(cut(4900), cut(4900), cut(5100), [[job]]));
    expect(pauses()).toEqual([4900 + 500, 4900 + 1000, 5100]);
  });

  it('throws the reason when the service stays unavailable', async () => {
    const away = new FacequeueError('unavailable', 'away');
    expect(await followed(service([[status]], away))).toEqual(['status', away]);
    expect(performance.now() - times[0]!).toBeGreaterThan(60_000);
  });

  it('survives repeated outages of a service that answers in between', async () => {
    const away = new FacequeueError('unavailable', 'away');
    const flapping = Array.from({ length: 20 }, (): Connection[] => [away, [[status]]]).flat();
    expect((await followed(service(...flapping, [[job]]))).at(-1)).toBe('job');
  });

  it('loses nothing when its reader takes longer than a silent connection may last', async () => {
    const heads: (string | undefined)[] = [];
    const more = (id: number) => `id: ${id}\nevent: status\ndata: {"attempts":${id}}\n\n`;
    const connect = service([['retry: 0\n\n'], [more(1) + more(2)], [more(3)], silence], [[more(4)], [job]]);
    const seen: unknown[] = [];
    const reading = (async () => {
      const open: typeof connect = (path, headers, signal) => {
        heads.push(headers['last-event-id']);
        return connect(path, headers, signal);
      };
      for await (const event of followJob(open, '/jobs/a/events', undefined)) {
        seen.push(event.type === 'status' ? event.attempts : 'job');
        await new Promise((resolve) => setTimeout(resolve, 100_000));
      }
    })();
    await vi.runAllTimersAsync();
    await reading;
    expect(seen.filter((one) => typeof one === 'number')).toEqual(seen.slice(0, -1));
    expect([seen[0], seen[1], seen.at(-1)]).toEqual([1, 2, 'job']);
    // Each connection continues after the last event that was handed out.
    expect(heads[1]).toBe(String(seen.indexOf(4)));
  });

  it('leaves no timer', async () => {
    for await (const _ of followJob(service([[status], silence]), '/jobs/a/events', undefined)) break;
    expect(vi.getTimerCount()).toBe(0);
  });
});
