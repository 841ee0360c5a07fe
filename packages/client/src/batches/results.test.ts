import type { BatchResource } from '@facequeue/schema';
import { FacequeueError } from '@facequeue/schema/errors';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readResults } from './results.ts';

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

/** The chunks that one connection delivers, each so many ms after the previous one; `broken` breaks the connection. */
type Connection = [text: string, afterMs?: number][] | FacequeueError;
const silence: [string, number] = ['', Number.POSITIVE_INFINITY];
const broken: [string] = ['broken'];
const line = (cursor: string): [string] => [`{"id":"${cursor}","cursor":"${cursor}"}\n`];
const away = new FacequeueError('unavailable', 'away');

const batch = (complete: boolean) =>
  ({ closed_at: complete ? 'x' : null, finished_at: null, counts: { queued: 0, processing: 0 } }) as BatchResource;

/** A service that gives each connection its chunks and then ends every stream at once, with the batch complete. An error is final. */
function service(...connections: Connection[]) {
  if (!(connections.at(-1) instanceof FacequeueError)) connections.push([]);
  const open = async (_path: string, _headers: Record<string, string>, signal: AbortSignal): Promise<Response> => {
    times.push(performance.now());
    const connection = (connections.length > 1 ? connections.shift() : connections[0])!;
    if (connection instanceof FacequeueError) throw connection;
    const left = [...connection];
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const [text, afterMs = 0] = left.shift() ?? [];
        if (text === undefined) return controller.close();
        if (text === 'broken') return controller.error(new TypeError('terminated'));
        await new Promise<void>((resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason));
          if (afterMs === 0) resolve();
          else if (afterMs !== Number.POSITIVE_INFINITY) setTimeout(resolve, afterMs);
        });
        controller.enqueue(new TextEncoder().encode(text));
      },
    });
    return new Response(body, { headers: { 'content-type': 'application/x-ndjson' } });
  };
  return { open, path: '/batches/a/results', batch: async () => batch(connections.length === 1) };
}

const pauses = () => times.slice(1).map((time, i) => Math.round(time - times[i]!));

async function followed(source: ReturnType<typeof service>, busyMs = 0): Promise<(string | FacequeueError)[]> {
  const all: (string | FacequeueError)[] = [];
  const end = (async () => {
    for await (const { id } of readResults(source, '', true, undefined)) {
      all.push(id);
      if (busyMs) await new Promise((resolve) => setTimeout(resolve, busyMs));
    }
  })().catch((error) => void all.push(error));
  await vi.runAllTimersAsync();
  await end;
  expect(vi.getTimerCount()).toBe(0);
  return all;
}

describe('following the results of a batch', () => {
  it('keeps a stream that sends something every 45 s, and abandons one that does not', async () => {
    const blank: [string, number] = ['\n', 44_000];
    expect(await followed(service([line('1'), blank, blank, silence], [line('2')]))).toEqual(['1', '2']);
    expect(pauses()[0]).toBe(44_000 + 44_000 + 45_000 + 500);
  });

  it('does not count the reader’s own time as silence', async () => {
    expect(await followed(service([line('1'), line('2')]), 100_000)).toEqual(['1', '2']);
    // One more request confirms that this was all.
    expect(times).toHaveLength(2);
  });

  it('treats a connection without an answer as broken', async () => {
    const source = service([line('1')]);
    const { open } = source;
    source.open = (path, headers, signal) => {
      if (times.push(performance.now()) > 1) return open(path, headers, signal);
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    };
    expect(await followed(source)).toEqual(['1']);
    expect(times[1]! - times[0]!).toBe(45_500);
  });

  it('slows down for a service that ends every stream at once', async () => {
    await followed(service([], [], [], [line('1')], [], [], [line('2')]));
    expect(pauses()).toEqual([500, 1000, 2000, 0, 500, 1000, 0]);
  });

  it('throws the reason when the service stays unavailable, or always breaks at the same line', async () => {
    expect(await followed(service([line('1'), broken], away))).toEqual(['1', away]);
    expect(performance.now() - times[0]!).toBeGreaterThan(60_000);
    expect(
      await followed(
        service([line('1'), broken], ...Array.from({ length: 20 }, (): Connection => [['{"id":"2'], broken])),
      ),
    ).toEqual(['1', expect.objectContaining({ code: 'unavailable' })]);
  });

  it('survives repeated outages of a service that delivers something in between', async () => {
    const flapping = Array.from({ length: 20 }, (_, i): Connection[] => [away, [line(`${i}`), broken]]).flat();
    expect(await followed(service(...flapping))).toEqual(Array.from({ length: 20 }, (_, i) => `${i}`));
  });

  it.each<[now: object, ended: boolean]>([
    [{ closed_at: null, counts: { queued: 0, processing: 0 } }, false],
    [{ closed_at: 'x', counts: { queued: 1, processing: 0 } }, false],
    [{ closed_at: 'x', counts: { queued: 0, processing: 1 } }, false],
    [{ closed_at: 'x', counts: { queued: 1, processing: 1 } }, false],
    [{ closed_at: 'x', counts: { queued: 0, processing: 0 } }, true],
    [{ closed_at: 'x', finished_at: 'x', counts: { queued: 1, processing: 0 } }, true],
  ])('asks once more after a stream of a batch that has %j: %s', async (now, ended) => {
    const source = service([], [line('1')], [line('2')]);
    const states = [{ finished_at: null, ...now }, batch(true)] as BatchResource[];
    source.batch = async () => (states.length > 1 ? states.shift()! : states[0]!);
    // The stream that begins after the batch was complete is the last one.
    expect(await followed(source)).toEqual(ended ? ['1'] : ['1', '2']);
  });

  it('allows the service 45 s to say whether the batch is complete', async () => {
    const source = service([], [line('1')]);
    const { open } = source;
    // The first stream ends after 30 s of silence.
    source.open = async (path, headers, signal) => {
      const response = await open(path, headers, signal);
      if (times.length > 1) return response;
      const late = new TransformStream({ flush: () => new Promise((resolve) => setTimeout(resolve, 30_000)) });
      return new Response(response.body!.pipeThrough(late), response);
    };
    let asked = 0;
    source.batch = (async (signal: AbortSignal) => {
      asked += 1;
      if (asked > 1) return batch(true);
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    }) as typeof source.batch;
    expect(await followed(source)).toEqual(['1']);
    expect(asked).toBe(2);
    expect(pauses()[0]).toBe(30_000 + 45_000 + 500);
  });
});
