import { getEventListeners } from 'node:events';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Permits } from './permits.ts';
import { nextPriorityClass, type PriorityClass, SHARE } from './priority.ts';

const never = new AbortController().signal;

/** A call of `acquire`, and what became of it. */
interface Request {
  priority: PriorityClass;
  flow: string;
  abort: AbortController;
  state: 'queued' | 'granted' | 'canceled';
}

/** The classes that get permits, in order, when one resource is offered again after each use. */
async function grants(queued: PriorityClass[]): Promise<PriorityClass[]> {
  const permits = new Permits<string>();
  const granted: PriorityClass[] = [];
  const all = queued.map((priority) =>
    permits.acquire(priority, '', never).then((resource) => {
      granted.push(priority);
      permits.offer(resource);
    }),
  );
  permits.offer('engine');
  await Promise.all(all);
  return granted;
}

describe('the share of bulk work', () => {
  it('is one permit in five while callers wait', async () => {
    const queued: PriorityClass[] = [
      ...Array<PriorityClass>(12).fill('others'),
      ...Array<PriorityClass>(12).fill('interactive'),
    ];
    expect((await grants(queued)).map((priority) => priority[0]).join('')).toBe(
      'iiiioiiiioiiiiooooooooooo'.slice(0, 24),
    );
  });

  it('grants bulk no two permits in a row while callers wait, and callers no five while bulk waits', () => {
    const arrivals = fc.array(fc.constantFrom<PriorityClass>('interactive', 'others'), { maxLength: 200 });
    return fc.assert(
      fc.asyncProperty(arrivals, async (queued) => {
        const granted = await grants(queued);
        expect(granted).toHaveLength(queued.length);
        const remaining = { interactive: 0, others: 0 };
        for (const priority of queued) remaining[priority]++;
        let streak = { priority: '', length: 0 };
        for (const priority of granted) {
          const other = priority === 'others' ? 'interactive' : 'others';
          streak = {
            priority,
            length: remaining[other] === 0 ? 0 : streak.priority === priority ? streak.length + 1 : 1,
          };
          expect(streak.length).toBeLessThanOrEqual(priority === 'others' ? 1 : SHARE - 1);
          remaining[priority]--;
        }
      }),
    );
  });

  it('grants a permit whenever a request waits, to a class in which one waits', () => {
    fc.assert(
      fc.property(fc.nat(50), fc.nat(50), fc.nat(50), (interactive, others, passedOver) => {
        const priority = nextPriorityClass({ interactive, others }, passedOver);
        if (interactive + others === 0) expect(priority).toBeNull();
        else expect({ interactive, others }[priority!]).toBeGreaterThan(0);
      }),
    );
  });
});

describe('permits', () => {
  it('are exclusive and granted to each flow in the sequence of its requests, whatever is offered, withdrawn and canceled', () => {
    const step = fc.oneof(
      fc.record({
        do: fc.constant('acquire' as const),
        priority: fc.constantFrom<PriorityClass>('interactive', 'others'),
        flow: fc.constantFrom('a', 'b'),
      }),
      fc.record({ do: fc.constantFrom('offer' as const, 'cancel' as const), which: fc.nat(20) }),
      fc.record({ do: fc.constantFrom('withdraw' as const, 'repair' as const), which: fc.nat(2) }),
    );
    return fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 100 }), async (steps) => {
        const permits = new Permits<number>();
        const inUse: number[] = [];
        const broken = new Set<number>([0, 1, 2]);
        const requests: Request[] = [];
        for (const one of steps) {
          if (one.do === 'acquire') {
            const request: Request = {
              priority: one.priority,
              flow: one.flow,
              abort: new AbortController(),
              state: 'queued',
            };
            requests.push(request);
            permits.acquire(one.priority, one.flow, request.abort.signal).then(
              (resource) => {
                request.state = 'granted';
                expect(inUse).not.toContain(resource);
                expect(broken).not.toContain(resource);
                inUse.push(resource);
              },
              () => {
                request.state = 'canceled';
              },
            );
          } else if (one.do === 'offer' && inUse.length > 0) {
            permits.offer(inUse.splice(one.which % inUse.length, 1)[0]!);
          } else if (one.do === 'cancel' && requests.length > 0) {
            requests[one.which % requests.length]!.abort.abort();
          } else if (one.do === 'withdraw' && !inUse.includes(one.which)) {
            permits.withdraw(one.which);
            broken.add(one.which);
          } else if (one.do === 'repair' && broken.delete(one.which)) {
            permits.offer(one.which);
          }
          await new Promise(setImmediate);
          const queued = requests.filter(({ state }) => state === 'queued');
          expect(permits.queued('interactive') + permits.queued('others')).toBe(queued.length);
          // No resource is idle while a request waits.
          if (queued.length > 0) expect(inUse.length + broken.size).toBe(3);
          for (const priority of ['interactive', 'others']) {
            for (const flow of ['a', 'b']) {
              const requested = requests.filter(
                (one) => one.priority === priority && one.flow === flow && one.state !== 'canceled',
              );
              const firstQueued = requested.findIndex(({ state }) => state === 'queued');
              if (firstQueued >= 0)
                expect(requested.slice(firstQueued).every(({ state }) => state === 'queued')).toBe(true);
            }
          }
        }
      }),
      { numRuns: 100 },
    );
  });

  it.each([1, 2, 3])('are not all granted to the flow that asks most, of %i engines', async (engines) => {
    const permits = new Permits<number>();
    const granted: string[] = [];
    const ask = (flow: string) =>
      permits.acquire('interactive', flow, never).then((engine) => {
        granted.push(flow);
        return engine;
      });
    const running = Array.from({ length: engines }, () => ask('flood'));
    for (let engine = 0; engine < engines; engine++) permits.offer(engine);
    await Promise.all(running);
    for (let i = 0; i < 6; i++) void ask('flood');
    void ask('small');
    permits.offer(await running[0]!);
    await new Promise(setImmediate);
    expect(granted.at(-1)).toBe('small');
  });

  it('are not kept for a request that is canceled while it waits, and leave no listener on a signal', async () => {
    const permits = new Permits<string>();
    const canceled = new AbortController();
    const granted = new AbortController();
    const first = permits.acquire('interactive', '', canceled.signal);
    const second = permits.acquire('interactive', '', granted.signal);
    canceled.abort(new Error('canceled'));
    await expect(first).rejects.toThrow('canceled');
    expect(permits.queued('interactive')).toBe(1);
    permits.offer('engine');
    expect(await second).toBe('engine');
    expect(getEventListeners(granted.signal, 'abort')).toEqual([]);
  });

  it('are for the engine freed last, whose memory is most likely still in the caches', async () => {
    const permits = new Permits<string>();
    for (const engine of ['first', 'second', 'last']) permits.offer(engine);
    const granted = [];
    for (let i = 0; i < 3; i++) granted.push(await permits.acquire('others', '', new AbortController().signal));
    expect(granted).toEqual(['last', 'second', 'first']);
  });

  it('are refused to a job that is already canceled', async () => {
    const permits = new Permits<string>();
    permits.offer('engine');
    await expect(permits.acquire('interactive', '', AbortSignal.abort(new Error('canceled')))).rejects.toThrow(
      'canceled',
    );
    expect(await permits.acquire('others', '', never)).toBe('engine');
  });
});
