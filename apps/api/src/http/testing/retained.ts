import { vi } from 'vitest';
import type { TestGateway } from '../../../../../test/support/gateway/index.ts';
import { BodyMemory } from '../../body/body-memory.ts';
import { UnorderedSet } from '../unordered-set.ts';

/** What the requests to a gateway hold; nothing is left of requests that have ended when each count is 0. */
export interface Retained {
  waits: number;
  subscriptions: number;
  /** Bytes of body memory. */
  bodies: number;
  /** Open answers, and what a shutdown would abort. */
  entries: number;
  /** Running timers that the gateway's code or its waits have set. */
  timers: number;
}

export const NOTHING: Retained = { waits: 0, subscriptions: 0, bodies: 0, entries: 0, timers: 0 };

/**
 * Counts what is retained in this process. Call it before the gateway starts; `vi.restoreAllMocks` ends it.
 * @param hasten the time that a timer of the gateway's code gets in place of its own, ms
 */
export function watchRetained(hasten = (ms: number) => ms): (at: Pick<TestGateway, 'queue'>) => Retained {
  const memories = new Set<BodyMemory>();
  const { reserve } = BodyMemory.prototype;
  vi.spyOn(BodyMemory.prototype, 'reserve').mockImplementation(function (this: BodyMemory, flow, expected) {
    memories.add(this);
    return reserve.call(this, flow, expected);
  });

  let entries = 0;
  const { add } = UnorderedSet.prototype;
  vi.spyOn(UnorderedSet.prototype, 'add').mockImplementation(function (this: UnorderedSet<unknown>, value) {
    const remove = add.call(this, value);
    let removed = false;
    entries += 1;
    return () => {
      if (!removed) entries -= 1;
      removed = true;
      remove();
    };
  });

  const timers = watchTimers(/\/apps\/api\/src\/(?!.*test)|\/packages\/queue\/src\/notify\//, hasten);
  return ({ queue: { listeners } }) => ({
    ...listeners,
    bodies: [...memories].reduce((sum, { used }) => sum + used, 0),
    entries,
    timers: timers.size,
  });
}

/** Timers that run, of those that code in the given files has set. */
function watchTimers(files: RegExp, hasten: (ms: number) => number): Set<unknown> {
  const running = new Set<unknown>();
  for (const [begin, end] of [
    ['setTimeout', 'clearTimeout'],
    ['setInterval', 'clearInterval'],
  ] as const) {
    const original = globalThis[begin] as (
      act: (...args: unknown[]) => void,
      ms?: number,
      ...args: unknown[]
    ) => unknown;
    const clear = globalThis[end] as (timer: unknown) => void;
    const watched = (act: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) => {
      const callers = new Error().stack?.split('\n').slice(1) ?? [];
      const caller = callers.find((line) => !/retained\.ts|vitest|packages\/time/.test(line)) ?? '';
      const own = files.test(caller);
      const timer = original(
        (...given) => {
          if (begin === 'setTimeout') running.delete(timer);
          act(...given);
        },
        own && ms !== undefined ? hasten(ms) : ms,
        ...args,
      );
      if (own) running.add(timer);
      return timer;
    };
    vi.spyOn(globalThis, begin).mockImplementation(watched as never);
    vi.spyOn(globalThis, end).mockImplementation((timer: unknown) => {
      running.delete(timer);
      clear(timer);
    });
  }
  return running;
}
