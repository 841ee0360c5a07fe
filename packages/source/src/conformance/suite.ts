import type { ErrorCode } from '@facequeue/schema';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SourceLimits } from '../limits.ts';
import type { ImageSource } from '../source.ts';
import { type Behaviour, BYTES } from './server.ts';

/** A source with something behind it that behaves as asked. */
export interface Subject extends AsyncDisposable {
  /** A source within `limits` that reaches what shows this behaviour, and the URL to ask it for. */
  open(behaviour: Behaviour, limits: SourceLimits): { source: ImageSource; url: string };
  asked(behaviour: Behaviour): Promise<void>;
  ended(behaviour: Behaviour): Promise<void>;
}

/** Limits no test reaches unless it narrows one of them. */
export const LIMITS: SourceLimits = {
  maxBytes: 1_000_000,
  connectMs: 20_000,
  headersMs: 20_000,
  totalMs: 20_000,
  maxRedirects: 3,
};

/** Texts an error must not carry: they say where things run. */
const INTERNAL = /127\.0\.0\.1|localhost|:\d{2,5}\b|\/work|node_modules|at .*\(/;

/** What every image source does, whatever it reads from. */
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
      // Open until the test ends: closing it would end connections that the fetch must have ended itself.
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

    it('comes byte for byte, in an array that owns its whole buffer', async () => {
      const bytes = await fetch('found');
      expect(Buffer.compare(bytes, BYTES)).toBe(0);
      expect(bytes.constructor).toBe(Uint8Array);
      expect(bytes.buffer.byteLength).toBe(BYTES.length);
    });

    it('comes when its length is not announced', async () => {
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

    it('may be empty: what it is worth is not for the source to say', async () => {
      expect(await fetch('empty')).toEqual(new Uint8Array());
    });

    it('that is not there is source_unreachable', async () => {
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

    it('that drips in too slowly is source_timeout, and the connection ends', async () => {
      await expectFailure(fetch('slow-drip', { totalMs: 300 }), 'source_timeout', /not fetched within 0.3 s/);
      await subject.ended('slow-drip');
    });

    it('whose server does not answer is source_timeout', async () => {
      await expectFailure(
        fetch('silence-before-headers', { headersMs: 300 }),
        'source_timeout',
        /not answer within 0.3 s/,
      );
    });

    it('whose server hangs up midway is source_unreachable', async () => {
      await expectFailure(fetch('hang-up-midway'), 'source_unreachable', /connection/);
    });

    it('whose server hangs up at once is source_unreachable', async () => {
      await expectFailure(fetch('hang-up-before-headers'), 'source_unreachable', /connection/);
    });

    it('that comes compressed is refused, not unpacked, and the connection ends', async () => {
      await expectFailure(fetch('compressed'), 'source_unreachable', /content encoding/);
      await subject.ended('compressed');
    });

    it.each(['slow-drip', 'silence-before-headers'] as const)(
      'can be given up during %s: the connection ends at once',
      async (behaviour) => {
        const abort = new AbortController();
        const fetched = fetch(behaviour, {}, abort.signal);
        await subject.asked(behaviour);
        const reason = new Error('the job was canceled');
        abort.abort(reason);
        await expect(fetched).rejects.toBe(reason);
        await subject.ended(behaviour);
      },
    );

    it('is not asked for when it was given up before', async () => {
      const reason = new Error('the job was canceled');
      await expect(fetch('found', {}, AbortSignal.abort(reason))).rejects.toBe(reason);
    });
  });
}
