import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Permits } from './permits.ts';
import { nextPriorityClass, type PriorityClass, SHARE } from './priority.ts';

const never = new AbortController().signal;

/** The lanes permits go to when one resource is given back as often as somebody waits. */
async function order(queued: PriorityClass[]): Promise<PriorityClass[]> {
  const permits = new Permits<string>();
  const given: PriorityClass[] = [];
  const all = queued.map((lane) =>
    permits.acquire(lane, never).then((resource) => {
      given.push(lane);
      permits.offer(resource);
    }),
  );
  permits.offer('supervisor');
  await Promise.all(all);
  return given;
}

describe('the share of bulk work', () => {
  it('is one permit in five while callers wait', async () => {
    const queued: PriorityClass[] = [
      ...Array<PriorityClass>(12).fill('others'),
      ...Array<PriorityClass>(12).fill('interactive'),
    ];
    expect((await order(queued)).map((lane) => lane[0]).join('')).toBe('iiiioiiiioiiiiooooooooooo'.slice(0, 24));
  });

  it('never keeps a caller waiting behind two bulk images, nor a bulk image behind more than four callers', () => {
    const arrivals = fc.array(fc.constantFrom<PriorityClass>('interactive', 'others'), { maxLength: 200 });
    return fc.assert(
      fc.asyncProperty(arrivals, async (queued) => {
        const given = await order(queued);
        expect(given).toHaveLength(queued.length);
        const left = { interactive: 0, others: 0 };
        for (const lane of queued) left[lane]++;
        let streak = { lane: '', length: 0 };
        for (const lane of given) {
          const other = lane === 'others' ? 'interactive' : 'others';
          streak = { lane, length: left[other] === 0 ? 0 : streak.lane === lane ? streak.length + 1 : 1 };
          expect(streak.length).toBeLessThanOrEqual(lane === 'others' ? 1 : SHARE - 1);
          left[lane]--;
        }
      }),
    );
  });

  it('gives a permit whenever somebody waits, and to a lane where somebody does', () => {
    fc.assert(
      fc.property(fc.nat(50), fc.nat(50), fc.nat(50), (interactive, others, passedOver) => {
        const lane = nextPriorityClass({ interactive, others }, passedOver);
        if (interactive + others === 0) expect(lane).toBeNull();
        else expect({ interactive, others }[lane!]).toBeGreaterThan(0);
      }),
    );
  });
});

describe('permits', () => {
  it('are held by one at a time, in the order asked for, whatever is offered, withdrawn and given up', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('ask' as const), lane: fc.constantFrom<PriorityClass>('interactive', 'others') }),
      fc.record({ do: fc.constantFrom('give back' as const, 'give up' as const), which: fc.nat(20) }),
      fc.record({ do: fc.constantFrom('withdraw' as const, 'repair' as const), which: fc.nat(2) }),
    );
    return fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 100 }), async (steps) => {
        const permits = new Permits<number>();
        const held: number[] = [];
        const broken = new Set<number>([0, 1, 2]);
        const asked: { lane: PriorityClass; abort: AbortController; state: 'waits' | 'served' | 'gone' }[] = [];
        for (const one of steps) {
          if (one.do === 'ask') {
            const ticket = {
              lane: one.lane,
              abort: new AbortController(),
              state: 'waits' as 'waits' | 'served' | 'gone',
            };
            asked.push(ticket);
            permits.acquire(one.lane, ticket.abort.signal).then(
              (resource) => {
                ticket.state = 'served';
                expect(held).not.toContain(resource);
                expect(broken).not.toContain(resource);
                held.push(resource);
              },
              () => {
                ticket.state = 'gone';
              },
            );
          } else if (one.do === 'give back' && held.length > 0) {
            permits.offer(held.splice(one.which % held.length, 1)[0]!);
          } else if (one.do === 'give up' && asked.length > 0) {
            asked[one.which % asked.length]!.abort.abort();
          } else if (one.do === 'withdraw' && !held.includes(one.which)) {
            permits.withdraw(one.which);
            broken.add(one.which);
          } else if (one.do === 'repair' && broken.delete(one.which)) {
            permits.offer(one.which);
          }
          await new Promise(setImmediate);
          const waiting = asked.filter((ticket) => ticket.state === 'waits');
          expect(permits.waiting('interactive') + permits.waiting('others')).toBe(waiting.length);
          // Nothing lies idle while somebody waits.
          if (waiting.length > 0) expect(held.length + broken.size).toBe(3);
          for (const lane of ['interactive', 'others']) {
            const line = asked.filter((ticket) => ticket.lane === lane && ticket.state !== 'gone');
            const firstWaiting = line.findIndex((ticket) => ticket.state === 'waits');
            if (firstWaiting >= 0)
              expect(line.slice(firstWaiting).every((ticket) => ticket.state === 'waits')).toBe(true);
          }
        }
      }),
      { numRuns: 100 },
    );
  });

  it('are refused to a job that is canceled already', async () => {
    const permits = new Permits<string>();
    permits.offer('supervisor');
    await expect(permits.acquire('interactive', AbortSignal.abort(new Error('canceled')))).rejects.toThrow('canceled');
    expect(await permits.acquire('others', never)).toBe('supervisor');
  });
});
