import { isFacequeueError } from '@facequeue/schema';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ImageInput } from './image-input.ts';
import { readForm } from './multipart.ts';

const TYPE = 'multipart/form-data; boundary=edge';

interface FormPart {
  name: string;
  fileName?: string;
  type?: string;
  value: string | Uint8Array;
}

/** A form as browsers encode it. */
function form(...parts: FormPart[]): Buffer {
  const fragments = parts.flatMap(({ name, fileName, type, value }) => [
    Buffer.from(
      `--edge\r\nContent-Disposition: form-data; name="${name}"${fileName === undefined ? '' : `; filename="${fileName}"`}\r\n` +
        `${type ? `Content-Type: ${type}\r\n` : ''}\r\n`,
    ),
    Buffer.from(value as Uint8Array),
    Buffer.from('\r\n'),
  ]);
  return Buffer.concat([...fragments, Buffer.from('--edge--\r\n')]);
}

const read = (body: Buffer, lenient = false) => readForm(body, TYPE, lenient);

async function failure(body: Buffer, type = TYPE, lenient = false) {
  try {
    await readForm(body, type, lenient);
  } catch (error) {
    if (isFacequeueError(error)) return { code: error.code, detail: error.message, parameter: error.parameter };
    throw error;
  }
  throw new Error('no error');
}

describe('a form', () => {
  it('carries any bytes as img, whatever its file name and type', async () => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 500 });
    const nasty = fc.constantFrom('\r\n', '--', '\r\n--', '\r\n--edg', '\r', '--edg').map((text) => Buffer.from(text));
    const image = fc.array(fc.oneof(bytes, nasty), { minLength: 1 }).map((fragments) => Buffer.concat(fragments));
    const naming = fc.constantFrom<Partial<FormPart>>(
      { fileName: 'photo.jpg', type: 'image/jpeg' },
      { fileName: '', type: 'application/octet-stream' },
      { fileName: 'a' },
      { type: 'text/plain' },
      {},
    );
    await fc.assert(
      fc.asyncProperty(image, naming, async (value, how) => {
        // Browsers choose a boundary that does not occur in the parts.
        fc.pre(!Buffer.concat([Buffer.from('\r\n'), value]).includes('\r\n--edge'));
        const image = (await read(form({ name: 'img', value, ...how }))) as { bytes: Uint8Array };
        expect(Buffer.from(image.bytes)).toEqual(value);
      }),
    );
  });

  it('is not copied: the image is a view of the body', async () => {
    const body = form({ name: 'img', fileName: 'a.png', value: Buffer.alloc(1e6, 7) });
    const { bytes } = (await read(body)) as { bytes: Uint8Array };
    expect(bytes.buffer).toBe(body.buffer);
    expect(bytes.length).toBe(1e6);
  });

  it('names an image by URL', async () => {
    expect(await read(form({ name: 'url', value: 'https://example.org/ä.jpg' }))).toEqual({
      url: 'https://example.org/ä.jpg',
    });
  });

  it('may quote its boundary and have text around the parts', async () => {
    const body = Buffer.concat([
      Buffer.from('preamble\r\n'),
      form({ name: 'url', value: 'http://a/b' }),
      Buffer.from('epilogue'),
    ]);
    expect(await readForm(body, 'multipart/form-data; charset=utf-8; boundary="edge"', false)).toEqual({
      url: 'http://a/b',
    });
  });

  it.each([
    ['no part', form(), /neither|not valid/],
    ['both parts', form({ name: 'url', value: 'http://a/b' }, { name: 'img', fileName: 'a', value: 'x' }), /same time/],
    [
      'a part nobody knows',
      form({ name: 'img', fileName: 'a', value: 'x' }, { name: 'colour', value: 'red' }),
      /"colour"/,
    ],
    [
      'two images',
      form({ name: 'img', fileName: 'a', value: 'x' }, { name: 'img', fileName: 'b', value: 'y' }),
      /twice/,
    ],
    ['two URLs', form({ name: 'url', value: 'http://a/b' }, { name: 'url', value: 'http://a/c' }), /twice/],
    ['an empty image', form({ name: 'img', fileName: 'a', value: '' }), /empty/],
    ['a prototype', form({ name: '__proto__', value: 'x' }), /"__proto__"/],
    ['a thousand parts', form(...Array.from({ length: 1000 }, (_, i) => ({ name: `p${i}`, value: '' }))), /16 parts/],
    ['an endless URL', form({ name: 'url', value: 'x'.repeat(100_000) }), /longer/],
    ['no end', form({ name: 'img', fileName: 'a', value: 'x'.repeat(1000) }).subarray(0, 500), /not valid/],
    ['another boundary', Buffer.from('--other\r\n\r\nx\r\n--other--'), /not valid/],
    ['nothing', Buffer.alloc(0), /not valid/],
    ['text that is not a form', Buffer.from('hello'), /not valid/],
  ])('with %s is an invalid request', async (_, body, detail) => {
    const error = await failure(body);
    expect(error.code).toBe('invalid_request');
    expect(error.detail).toMatch(detail);
  });

  it('without a boundary in its type is an invalid request', async () => {
    expect((await failure(form(), 'multipart/form-data')).detail).toMatch(/boundary/);
    expect((await failure(form(), `multipart/form-data; boundary=${'x'.repeat(71)}`)).detail).toMatch(/boundary/);
  });

  it('may have other parts where the reference service ignores them', async () => {
    const body = form({ name: 'colour', value: 'red' }, { name: 'img', fileName: 'a', value: 'x' });
    expect(await read(body, true)).toEqual({ bytes: Buffer.from('x') });
  });

  it('is read or refused at once, however damaged', async () => {
    const good = form(
      { name: 'img', fileName: 'a', type: 'image/png', value: 'x\r\n--edge y' },
      { name: 'a', value: 'b' },
    );
    const fragments = fc.constantFrom(
      '\r\n',
      '--edge',
      '--edge--',
      'Content-Disposition: form-data; name="img"',
      '\r\n\r\n',
      'x',
      ':',
      ';',
    );
    const damage = fc.oneof(
      fc.array(fragments, { maxLength: 30 }).map((text) => Buffer.from(text.join(''))),
      fc.tuple(fc.nat(good.length), fc.nat(good.length)).map(([a, b]) => good.subarray(Math.min(a, b), Math.max(a, b))),
      fc.tuple(fc.nat(good.length - 1), fc.nat(255)).map(([at, byte]) => Buffer.from(good).fill(byte, at, at + 1)),
    );
    await fc.assert(
      fc.asyncProperty(damage, async (body) => {
        const late = AbortSignal.timeout(5000);
        const outcome = await Promise.race([
          read(body, true).then(
            (image: ImageInput) => ('url' in image ? 'url' : 'bytes'),
            (error) => error.code,
          ),
          new Promise((resolve) => late.addEventListener('abort', () => resolve('never'))),
        ]);
        expect(['url', 'bytes', 'invalid_request']).toContain(outcome);
      }),
      { numRuns: 1000 },
    );
  });
});

it('a form may have sixteen parts where the others are ignored, and no more', async () => {
  const others = (count: number) => Array.from({ length: count }, (_, i) => ({ name: `p${i}`, value: '' }));
  const image = { name: 'img', fileName: 'a', value: 'x' };
  expect(await read(form(...others(15), image), true)).toEqual({ bytes: Buffer.from('x') });
  expect((await failure(form(...others(16), image), TYPE, true)).detail).toMatch(/more than 16 parts/);
});
