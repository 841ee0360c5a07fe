import { DEFAULT_DETECTION_OPTIONS } from '@facequeue/schema';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { idempotency, readIdempotencyKey, type Work } from './idempotency.ts';

const work = (more: Partial<Work> = {}): Work => ({
  queue: 'interactive',
  source: { kind: 'inline', bytes: Buffer.from('image') },
  options: DEFAULT_DETECTION_OPTIONS,
  ...more,
});

describe('Idempotency-Key', () => {
  it.each<[string | undefined, string | null]>([
    [undefined, null],
    ['"k"', 'k'],
    ['k', 'k'],
    [' "a b" ', 'a b'],
    ['"a\\"b\\\\c"', 'a"b\\c'],
    ['8e03978e-40d5-43dd-bc93-6894a57f9324', '8e03978e-40d5-43dd-bc93-6894a57f9324'],
    [`"${'k'.repeat(255)}"`, 'k'.repeat(255)],
  ])('%j names a key', (header, key) => {
    expect(readIdempotencyKey(header)).toBe(key);
  });

  it.each([
    '',
    '""',
    ' ',
    'a b',
    '"a',
    'a"',
    '"a", "b"',
    'a, b',
    '"a";b=c',
    '"a\\b"',
    '"ü"',
    'ü',
    '"\u0000"',
    'k'.repeat(256),
  ])('%j is refused', (header) => {
    expect(() => readIdempotencyKey(header)).toThrow(/Idempotency-Key must be one string/);
  });

  it('may be any printable ASCII in quotes', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[\x20-\x7e]{1,255}$/), (key) => {
        expect(readIdempotencyKey(`"${key.replace(/["\\]/g, '\\$&')}"`)).toBe(key);
      }),
    );
  });
});

describe('what the queue stores of a key', () => {
  it('contains nothing that the caller wrote', async () => {
    const kept = await idempotency('secret', 'shop', 'face_detection', work());
    expect(kept).toEqual({
      key: expect.stringMatching(/^[0-9a-f]{64}$/),
      fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  it('differs by API key, operation and key', async () => {
    const kept = [
      await idempotency('k', 'a', 'b', work()),
      await idempotency('k', 'ab', '', work()),
      await idempotency('k', '', 'ab', work()),
      await idempotency('bk', 'a', '', work()),
      await idempotency('k2', 'a', 'b', work()),
    ];
    expect(new Set(kept.map(({ key }) => key)).size).toBe(kept.length);
  });

  it('differs for every difference between requests, and only then', async () => {
    const print = async (more: Partial<Work>) => (await idempotency('k', '', 'o', work(more))).fingerprint;
    const same = await print({});
    const { profile, ...others } = DEFAULT_DETECTION_OPTIONS;
    expect(await print({ options: { ...others, profile } })).toBe(same);
    expect(await print({ source: { kind: 'inline', bytes: new Uint8Array(Buffer.from('image')) } })).toBe(same);
    const all = [
      same,
      await print({ queue: 'bulk' }),
      await print({ source: { kind: 'inline', bytes: Buffer.from('imagE') } }),
      await print({ source: { kind: 'url', url: 'http://a/' } }),
      await print({ source: { kind: 'url', url: 'http://b/' } }),
      await print({ options: { ...DEFAULT_DETECTION_OPTIONS, max_faces: 1 } }),
      await print({ options: { ...DEFAULT_DETECTION_OPTIONS, orient: false } }),
      await print({ options: { ...DEFAULT_DETECTION_OPTIONS, landmarks: 'refined' } }),
      await print({ options: { ...DEFAULT_DETECTION_OPTIONS, detail: true } }),
      await print({ webhookUrl: 'http://a/' }),
    ];
    expect(new Set(all).size).toBe(all.length);
  });

  it('is for a call without new options what earlier releases make of it', async () => {
    // What idempotency() of the tag v0.1.0 returns for the same call.
    const { fingerprint } = await idempotency('k', '', 'o', work());
    expect(fingerprint).toBe('c071024a57e6a0944cc10a53443adaadb07edce069eca3e49ba9e6ad9bb51581');
  });

  it('covers every byte of a large image', async () => {
    const print = async (bytes: Buffer) =>
      (await idempotency('k', '', 'o', work({ source: { kind: 'inline', bytes } }))).fingerprint;
    const images = [0, 1 << 20, (1 << 20) - 1, (5 << 20) - 1].map((at) => {
      const image = Buffer.alloc(5 << 20);
      image[at] = 1;
      return image;
    });
    const prints = await Promise.all([Buffer.alloc(5 << 20), Buffer.alloc((5 << 20) - 1), ...images].map(print));
    expect(new Set(prints).size).toBe(prints.length);
  });

  it('is made of a large image in slices, between which other calls are served', async () => {
    let calls = 0;
    let made = false;
    const count = () => {
      calls += 1;
      if (!made) setImmediate(count);
    };
    setImmediate(count);
    const bytes = Buffer.alloc(8 << 20);
    await idempotency('k', '', 'op', {
      queue: 'bulk',
      source: { kind: 'inline', bytes },
      options: DEFAULT_DETECTION_OPTIONS,
    });
    made = true;
    expect(calls).toBeGreaterThanOrEqual(7);
  });
});
