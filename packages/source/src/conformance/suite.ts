import { getEventListeners } from 'node:events';
import type { ErrorCode } from '@facequeue/schema';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { SourceLimits } from '../limits.ts';
import type { ImageSource } from '../source.ts';
import { type Behaviour, BYTES } from './server.ts';

/** A source and a server whose behaviour a test selects. */
export interface Subject extends AsyncDisposable {
  /** A source with these limits, and a URL at which the server shows this behaviour. */
  open(behaviour: Behaviour, limits: SourceLimits): { source: ImageSource; url: string };
  requested(behaviour: Behaviour): Promise<void>;
  ended(behaviour: Behaviour): Promise<void>;
}

/** Limits that no test reaches unless it lowers one. */
export const LIMITS: SourceLimits = {
  maxBytes: 1_000_000,
  connectMs: 20_000,
  headersMs: 20_000,
  totalMs: 20_000,
  leastSpeed: { bytes: 0, windowMs: 20_000 },
  maxRedirects: 3,
};

/** Texts that an error must not contain: they reveal internal addresses. */
const INTERNAL = /127\.0\.0\.1|localhost|:\d{2,5}\b|\/work|node_modules|at .*\(/;

/** Tests that every image source passes. */
export function describeSource(name: string, start: () => Promise<Subject>) {
  describe(`an image from ${name}`, () => {
    let subject: Subject;
    const sources: ImageSource[] = [];
    beforeEach(async () => {
      subject = await start();
    });
    afterEach(async () => {
      await Promise.all(sources.splice(0).map((source) => source.close()));
      await subject[Symbol.asyncDispose]();
    });

    const fetch = async (behaviour: Behaviour, limits: Partial<SourceLimits> = {}, signal?: AbortSignal) => {
      const { source, url } = subject.open(behaviour, { ...LIMITS, ...limits });
      // Open until the test ends: closing the source would end connections that the fetch itself must end.
      sources.push(source);
      return await source.fetch(url, signal);
    };
    const expectFailure = async (fetched: Promise<unknown>, code: ErrorCode, text: RegExp) => {
      const error = await fetched.then(
        () => expect.fail('it was fetched'),
        (reason) => reason,
      );
      expect(error).toMatchObject({
        name: 'FacequeueError',
        code,
        parameter: 'url',
        message: expect.stringMatching(text),
      });
      expect(error.message).not.toMatch(INTERNAL);
    };

    /** The image is given up after a time, however short, and its connection ends. On a slow machine 0.3 s may pass before a request arrives. */
    const expectTooSlow = async (
      behaviour: Behaviour,
      limits: (ms: number) => Partial<SourceLimits>,
      text: (seconds: number) => RegExp,
    ) => {
      let arrived = false;
      void subject.requested(behaviour).then(() => {
        arrived = true;
      });
      for (let ms = 300; !arrived; ms *= 5)
        await expectFailure(fetch(behaviour, limits(ms)), 'source_timeout', text(ms / 1000));
      await subject.ended(behaviour);
    };

    it('is returned byte for byte, in an array that owns its whole buffer', async () => {
      const bytes = await fetch('found');
      expect(Buffer.compare(bytes, BYTES)).toBe(0);
      expect(bytes.constructor).toBe(Uint8Array);
      expect(bytes.buffer.byteLength).toBe(BYTES.length);
    });

    it('is returned when its length is not announced', async () => {
      const bytes = await fetch('found-without-length');
      expect(Buffer.compare(bytes, BYTES)).toBe(0);
      expect(bytes.buffer.byteLength).toBe(BYTES.length);
    });

    it('may be exactly as large as allowed, and not one byte larger', async () => {
      for (const behaviour of ['found', 'found-without-length'] as const) {
        expect((await fetch(behaviour, { maxBytes: BYTES.length })).length).toBe(BYTES.length);
        await expectFailure(
          fetch(behaviour, { maxBytes: BYTES.length - 1 }),
          'body_too_large',
          /larger than 69999 bytes/,
        );
      }
    });

    it('may be empty: the source does not judge content', async () => {
      expect(await fetch('empty')).toEqual(new Uint8Array());
    });

    it('that does not exist is source_unreachable', async () => {
      await expectFailure(fetch('missing'), 'source_unreachable', /404|no such object/);
    });

    it('whose announced length is too large is refused without being read, and the connection ends', async () => {
      await expectFailure(fetch('too-large-by-length'), 'body_too_large', /larger than 1000000 bytes/);
      await subject.ended('too-large-by-length');
    });

    it('that never ends is cut off at the limit, and the connection ends', async () => {
      await expectFailure(fetch('too-large-while-streaming'), 'body_too_large', /larger than 1000000 bytes/);
      await subject.ended('too-large-while-streaming');
    });

    it('that arrives too slowly is source_timeout, and the connection ends', async () => {
      await expectTooSlow(
        'slow-drip',
        (totalMs) => ({ totalMs }),
        (seconds) => RegExp(`not fetched within ${seconds} s`),
      );
    });

    it('that stops arriving midway is source_timeout, and the connection ends', async () => {
      await expectTooSlow(
        'silence-midway',
        (totalMs) => ({ totalMs }),
        (seconds) => RegExp(`not fetched within ${seconds} s`),
      );
    });

    it.each(['slow-drip', 'silence-midway'] as const)(
      'that arrives at less than the least speed during %s is source_timeout, and the connection ends',
      async (behaviour) => {
        await expectTooSlow(
          behaviour,
          (windowMs) => ({ leastSpeed: { bytes: 2000, windowMs } }),
          (seconds) => RegExp(`the (image host|object storage) sent less than 2000 bytes of the image in ${seconds} s`),
        );
      },
    );

    it('that arrives at the least speed is returned, however long it takes, and told byte for byte', async () => {
      const { source, url } = subject.open('steady', { ...LIMITS, leastSpeed: { bytes: 1000, windowMs: 1200 } });
      sources.push(source);
      let arrived = 0;
      const bytes = await source.fetch(url, undefined, (count) => {
        arrived += count;
      });
      expect(Buffer.compare(bytes, BYTES)).toBe(0);
      expect(arrived).toBe(BYTES.length);
    });

    it('may be said to have the encoding identity', async () => {
      expect(await fetch('found-as-identity')).toHaveLength(BYTES.length);
    });

    it('may pause between two windows of the least speed that it fills', async () => {
      // Half a second passes between its first thousand bytes and the others.
      expect(await fetch('slow-body', { leastSpeed: { bytes: 1000, windowMs: 20_000 } })).toHaveLength(BYTES.length);
      await expectFailure(
        fetch('slow-body', { leastSpeed: { bytes: 1001, windowMs: 250 } }),
        'source_timeout',
        /sent less/,
      );
    });

    it('may take longer than its headers may', async () => {
      expect(Buffer.compare(await fetch('slow-body', { headersMs: 250 }), BYTES)).toBe(0);
    });

    it('whose server does not answer is source_timeout, and the connection ends', async () => {
      await expectTooSlow(
        'silence-before-headers',
        (headersMs) => ({ headersMs }),
        (seconds) => RegExp(`not answer within ${seconds} s`),
      );
    });

    it('whose server disconnects midway is source_unreachable', async () => {
      await expectFailure(fetch('hang-up-midway'), 'source_unreachable', /connection/);
    });

    it('whose server disconnects before the headers is source_unreachable', async () => {
      await expectFailure(fetch('hang-up-before-headers'), 'source_unreachable', /connection/);
    });

    it('that is sent compressed is refused, not decompressed, and the connection ends', async () => {
      await expectFailure(fetch('compressed'), 'source_unreachable', /content encoding/);
      await subject.ended('compressed');
    });

    it.each(['slow-drip', 'silence-midway', 'silence-before-headers'] as const)(
      'can be aborted during %s: the connection ends',
      async (behaviour) => {
        const abort = new AbortController();
        const fetched = fetch(behaviour, {}, abort.signal);
        await subject.requested(behaviour);
        const reason = new Error('the job was canceled');
        abort.abort(reason);
        await expect(fetched).rejects.toBe(reason);
        await subject.ended(behaviour);
      },
    );

    it.each(['slow-drip', 'silence-midway', 'silence-before-headers'] as const)(
      'is source_unreachable when the source is closed during %s: the connection ends',
      async (behaviour) => {
        const failed = expectFailure(fetch(behaviour), 'source_unreachable', /connection/);
        await subject.requested(behaviour);
        const began = performance.now();
        await Promise.all(sources.map((source) => source.close()));
        await failed;
        expect(performance.now() - began).toBeLessThan(5000);
        await subject.ended(behaviour);
      },
    );

    it('is not requested when the signal is already aborted', async () => {
      const reason = new Error('the job was canceled');
      await expect(fetch('silence-midway', {}, AbortSignal.abort(reason))).rejects.toBe(reason);
      let requested = false;
      void subject.requested('silence-midway').then(() => {
        requested = true;
      });
      // A request that had been sent would have arrived before this one is answered.
      await expect(fetch('forbidden')).rejects.toMatchObject({ name: 'FacequeueError' });
      expect(requested).toBe(false);
    });

    it.each<[Behaviour, Partial<SourceLimits>]>([
      ['found', {}],
      ['missing', {}],
      ['forbidden', {}],
      ['compressed', {}],
      ['hang-up-midway', {}],
      ['hang-up-before-headers', {}],
      ['too-large-by-length', {}],
      ['too-large-while-streaming', {}],
      ['slow-drip', { totalMs: 100 }],
      ['silence-before-headers', { headersMs: 100 }],
    ])('leaves neither listener nor timer behind after %s', async (behaviour, limits) => {
      // Of no other timer's length.
      const own = { totalMs: 19_991, headersMs: 19_992, leastSpeed: { bytes: 1, windowMs: 19_993 }, ...limits };
      const started = vi.spyOn(globalThis, 'setTimeout');
      const stopped = vi.spyOn(globalThis, 'clearTimeout');
      try {
        const { signal } = new AbortController();
        await fetch(behaviour, own, signal).catch(() => {});
        expect(getEventListeners(signal, 'abort')).toEqual([]);
        const timers = started.mock.calls.flatMap(([, ms], i) =>
          [own.totalMs, own.headersMs, own.leastSpeed.windowMs].includes(ms!) ? [started.mock.results[i]!.value] : [],
        );
        expect(timers.length).toBeGreaterThanOrEqual(2);
        const cleared = stopped.mock.calls.map(([timer]) => timer);
        for (const timer of timers) expect(cleared).toContain(timer);
      } finally {
        vi.restoreAllMocks();
      }
    });

    it('leaves no listener behind when it is aborted', async () => {
      const abort = new AbortController();
      const fetched = fetch('silence-before-headers', {}, abort.signal);
      await subject.requested('silence-before-headers');
      abort.abort(new Error('the job was canceled'));
      await expect(fetched).rejects.toThrow('the job was canceled');
      expect(getEventListeners(abort.signal, 'abort')).toEqual([]);
    });
  });
}
