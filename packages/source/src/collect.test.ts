import { Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { collect } from './collect.ts';

/** Bytes in chunks as a socket delivers them: some empty, some longer than a first buffer. */
const chunks = fc
  .array(fc.oneof(fc.integer({ min: 0, max: 40 }), fc.constantFrom(0, 65_535, 65_536, 65_537, 200_000)), {
    maxLength: 8,
  })
  .map((lengths) => lengths.map((length, i) => Uint8Array.from({ length }, (_, at) => (at * 7 + i) % 251)));

const streamOf = (parts: readonly Uint8Array[]) => Readable.from(parts.map((part) => Buffer.from(part)));

describe('a collected stream', () => {
  it('has its bytes in an array of exactly their length, whatever length was announced', async () => {
    await fc.assert(
      fc.asyncProperty(chunks, fc.integer({ min: -1, max: 300_000 }), fc.nat(50), async (parts, announced, room) => {
        const whole = Buffer.concat(parts);
        const maxBytes = Math.max(announced, whole.length) + room;
        const declared = announced < 0 ? undefined : announced;
        const bytes = await collect(streamOf(parts), { declared, maxBytes });
        expect(Buffer.compare(bytes, whole)).toBe(0);
        expect([bytes.byteOffset, bytes.buffer.byteLength]).toEqual([0, whole.length]);
      }),
    );
  });

  it('may have the most bytes and not one more, in any chunks and whatever length was announced', async () => {
    await fc.assert(
      fc.asyncProperty(chunks, fc.option(fc.nat(500_000), { nil: undefined }), async (parts, announced) => {
        const { length } = Buffer.concat(parts);
        fc.pre(length > 0);
        const declared = announced === undefined ? undefined : Math.min(announced, length);
        expect(await collect(streamOf(parts), { declared, maxBytes: length })).toHaveLength(length);
        const stream = streamOf(parts);
        const short = declared === undefined ? undefined : Math.min(declared, length - 1);
        await expect(collect(stream, { declared: short, maxBytes: length - 1 })).rejects.toMatchObject({
          code: 'body_too_large',
          message: `the image is larger than ${length - 1} bytes`,
        });
        expect(stream.destroyed).toBe(true);
      }),
    );
  });

  it('is destroyed unread when the announced length is one byte too long', async () => {
    let read = false;
    const untouched = () =>
      new Readable({
        read() {
          read = true;
          this.push(null);
        },
      });
    const stream = untouched();
    await expect(collect(stream, { declared: 11, maxBytes: 10 })).rejects.toMatchObject({ code: 'body_too_large' });
    expect([stream.destroyed, read]).toEqual([true, false]);
    expect(await collect(untouched(), { declared: 10, maxBytes: 10 })).toHaveLength(0);
  });

  it('that fails after it was refused for its announced length harms nobody', async () => {
    const stream = new Readable({
      read() {},
      destroy: (_, callback) => callback(new Error('the socket was reset')),
    });
    await expect(collect(stream, { declared: 11, maxBytes: 10 })).rejects.toMatchObject({ code: 'body_too_large' });
    await new Promise((resolve) => stream.on('close', resolve));
  });

  it('that fails rejects with its own error', async () => {
    const broken = new Error('the socket was reset');
    const stream = Readable.from(
      (async function* () {
        yield Buffer.from('half');
        throw broken;
      })(),
    );
    await expect(collect(stream, { declared: undefined, maxBytes: 100 })).rejects.toBe(broken);
  });
});
