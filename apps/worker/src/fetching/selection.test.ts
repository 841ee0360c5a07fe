import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Fetch, FetchCounts, type FetchLimits, nextFetch, nextLookup } from './selection.ts';

const LIMITS: FetchLimits = {
  concurrency: 8,
  perHost: 2,
  perHostOfFlow: 2,
  perAddress: 3,
  perAddressOfFlow: 3,
  perFlow: 7,
  fetched: 2,
  fresh: 4,
  bytes: 1000,
  bytesPerFlow: 250,
};
const fetch = (more: Partial<Fetch> = {}): Fetch => ({
  flow: '',
  priority: 'interactive',
  state: 'waiting',
  host: 'a.test',
  address: '192.0.2.1',
  fresh: false,
  bytes: 0,
  ...more,
});
const running = (count: number, more: (i: number) => Partial<Fetch> = () => ({})) =>
  Array.from({ length: count }, (_, i) =>
    fetch({ state: 'fetching', flow: `${i}`, host: `${i}.test`, address: `192.0.3.${i}`, ...more(i) }),
  );
const obstacle = (fetches: Fetch[], next = fetch()) => new FetchCounts(fetches).obstacle(next, LIMITS);

describe('a waiting image', () => {
  it.each<[string, Fetch[], Fetch[], 'fetches' | 'engines']>([
    ['fetches there are', running(7), running(8), 'fetches'],
    [
      'fetches from its host',
      running(1, () => ({ host: 'a.test' })),
      running(2, () => ({ host: 'a.test' })),
      'fetches',
    ],
    [
      'fetches from its address',
      running(2, () => ({ address: '192.0.2.1' })),
      running(3, () => ({ address: '192.0.2.1' })),
      'fetches',
    ],
    [
      'images are fetched',
      running(1, () => ({ state: 'fetched' })),
      running(2, () => ({ state: 'fetched' })),
      'engines',
    ],
    ['fetches are fresh', running(3, () => ({ fresh: true })), running(4, () => ({ fresh: true })), 'engines'],
  ])('is fetched unless too many %s', (_, enough, tooMany, expected) => {
    expect(obstacle(enough)).toBeNull();
    expect(obstacle(tooMany)).toBe(expected);
  });

  it('is not held up by fetched images of the other class, nor by what is looked up or waits', () => {
    expect(obstacle(running(5, () => ({ state: 'fetched', priority: 'others' })))).toBeNull();
    expect(
      obstacle([...running(9, () => ({ state: 'waiting' })), ...running(9, () => ({ state: 'resolving' }))]),
    ).toBeNull();
  });

  it('of a flow leaves a share to others', () => {
    const limits = { ...LIMITS, perFlow: 3 };
    const counts = new FetchCounts(running(3, () => ({ flow: 'shop' })));
    expect(counts.obstacle(fetch({ flow: 'shop' }), limits)).toBe('fetches');
    expect(counts.obstacle(fetch({ flow: 'archive' }), limits)).toBeNull();
  });

  it.each<[string, Partial<Fetch>]>([
    ['host', { host: 'a.test' }],
    ['address', { address: '192.0.2.1' }],
  ])('of a flow that has its share of a %s waits, and one of another flow does not', (_, same) => {
    const limits = { ...LIMITS, perHostOfFlow: 1, perAddressOfFlow: 1 };
    const counts = new FetchCounts(running(1, () => ({ flow: 'shop', ...same })));
    expect(counts.obstacle(fetch({ flow: 'shop' }), limits)).toBe('fetches');
    expect(counts.obstacle(fetch({ flow: 'archive' }), limits)).toBeNull();
  });

  it.each([
    ['fetching', 249, null],
    ['fetching', 250, 'fetches'],
    ['fetched', 250, 'engines'],
  ] as const)('of a flow whose %s image has %i of 250 bytes: %s', (state, bytes, expected) => {
    const other = fetch({ state, flow: 'shop', host: 'b.test', address: '', bytes });
    expect(obstacle([other], fetch({ flow: 'shop' }))).toBe(expected);
    expect(obstacle([other], fetch({ flow: 'archive' }))).toBeNull();
  });

  it.each([
    ['fetching', 'fetches'],
    ['fetched', 'engines'],
  ] as const)('waits when all memory is taken by images that are %s', (state, expected) => {
    const others = running(1, () => ({ state, priority: 'others', bytes: 1000 }));
    expect(obstacle(others)).toBe(expected);
    expect(obstacle(running(1, () => ({ state, priority: 'others', bytes: 999 })))).toBeNull();
  });

  it('from a bucket has no address that could be shared', () => {
    expect(
      obstacle(
        running(5, () => ({ address: '' })),
        fetch({ host: 's3://photos', address: '' }),
      ),
    ).toBeNull();
  });
});

describe('the next image', () => {
  const next = (waiting: Fetch[], others: Fetch[] = [], passedOver = 0) =>
    nextFetch(waiting, new FetchCounts(others), LIMITS, passedOver);

  it('is the first that has no obstacle', () => {
    const busy = running(2, () => ({ host: 'a.test' }));
    const [blocked, first, second] = [fetch(), fetch({ host: 'b.test' }), fetch({ host: 'c.test' })];
    expect(next([blocked, first, second], busy)).toBe(first);
    expect(next([blocked], busy)).toBeNull();
    expect(next([])).toBeNull();
  });

  it('is interactive, and each fifth time another', () => {
    const [other, interactive] = [fetch({ priority: 'others' }), fetch()];
    expect(next([other, interactive], [], 3)).toBe(interactive);
    expect(next([other, interactive], [], 4)).toBe(other);
    expect(next([other], [], 0)).toBe(other);
  });

  it('is of the flow with the fewest fetches', () => {
    const [shop, archive] = [fetch({ flow: 'shop' }), fetch({ flow: 'archive' })];
    const fetching = running(2, (i) => ({ flow: ['shop', 'archive'][i]! }));
    expect(next([shop, archive], fetching)).toBe(shop);
    expect(next([shop, archive], fetching.slice(0, 1))).toBe(archive);
  });

  it('never passes a limit, and leaves no fetch undone that no limit forbids', () => {
    const entries = fc.array(
      fc.record({
        flow: fc.constantFrom('', 'shop', 'archive'),
        priority: fc.constantFrom('interactive' as const, 'others' as const),
        host: fc.constantFrom('a.test', 'b.test', 'c.test', 's3://photos'),
        address: fc.constantFrom('', '192.0.2.1', '192.0.2.2'),
        state: fc.constantFrom('waiting' as const, 'fetching' as const, 'fetched' as const),
        fresh: fc.boolean(),
        bytes: fc.nat(200),
      }),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(entries, (fetches) => {
        const counts = new FetchCounts(fetches);
        let waiting = fetches.filter(({ state }) => state === 'waiting');
        const begun: Fetch[] = [];
        for (
          let chosen = nextFetch(waiting, counts, LIMITS, 0);
          chosen;
          chosen = nextFetch(waiting, counts, LIMITS, 0)
        ) {
          expect(counts.obstacle(chosen, LIMITS)).toBeNull();
          counts.add(chosen);
          begun.push(chosen);
          waiting = waiting.filter((each) => each !== chosen);
        }
        for (const left of waiting) expect(counts.obstacle(left, LIMITS)).not.toBeNull();
        const already = fetches.filter(({ state }) => state === 'fetching');
        const most = (of: (fetch: Fetch) => string, limit: number) => {
          for (const key of new Set(begun.map(of))) {
            if (key === '') continue;
            const before = already.filter((fetch) => of(fetch) === key).length;
            expect(before + begun.filter((fetch) => of(fetch) === key).length).toBeLessThanOrEqual(limit);
          }
        };
        most(({ host }) => host, LIMITS.perHost);
        most(({ address }) => address, LIMITS.perAddress);
        most(({ flow }) => flow, LIMITS.perFlow);
      }),
    );
  });
});

describe('the next look-up', () => {
  const limits = { lookups: 6, perFlow: 3 };
  const [shop, flood] = [{ flow: 'shop' }, { flow: 'flood' }];

  it('is of the flow with the fewest in progress, and of the image that has waited longest', () => {
    const [first, second] = [{ ...flood }, { ...flood }];
    expect(nextLookup([first, second, shop], [], limits)).toBe(first);
    expect(nextLookup([first, second, shop], ['flood'], limits)).toBe(shop);
    expect(nextLookup([first, second], ['flood'], limits)).toBe(first);
    expect(nextLookup([], [], limits)).toBeNull();
  });

  it('is none of a flow that has its share, nor any when there are too many', () => {
    expect(nextLookup([flood, shop], ['flood', 'flood', 'flood', 'shop', 'shop'], limits)).toBe(shop);
    expect(nextLookup([flood], ['flood', 'flood', 'flood'], limits)).toBeNull();
    expect(nextLookup([shop], ['a', 'b', 'c', 'd', 'e', 'f'], limits)).toBeNull();
  });
});
