import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { S3_CREDENTIALS, startS3, type TestS3 } from '../../../test/support/servers/s3-server.ts';
import { createObjectWriter, MIN_PART_BYTES, type OutputTarget } from './object-writer.ts';
import { isTransient } from './s3/failures.ts';

let s3: TestS3;
beforeAll(async () => {
  s3 = await startS3();
  await s3.createBucket('results');
});
afterAll(() => s3.stop());

const writerOf = ({ endpoint }: TestS3) =>
  createObjectWriter({
    s3: {
      prefixes: [
        { bucket: 'results', prefix: 'runs' },
        { bucket: 'nobucket', prefix: '' },
      ],
      endpoint,
      forcePathStyle: true,
      credentials: S3_CREDENTIALS,
    },
    connectMs: 2000,
    totalMs: 20_000,
  });

const target = (name: string, more: Partial<OutputTarget> = {}): OutputTarget => ({
  url: `s3://results/runs/${name}`,
  overwrite: false,
  contentType: 'application/x-ndjson',
  mark: 'batch-1',
  ...more,
});

const bytes = (letter: string, length = MIN_PART_BYTES) => Buffer.alloc(length, letter);
const CONFLICT = { code: 'conflict', message: expect.stringContaining('already exists') };

describe('an object in parts', () => {
  it('has its parts in order, the last one of any size, and exists only after it is completed', async () => {
    await using writer = writerOf(s3);
    const output = target('parts');
    const upload = await writer.begin(output);
    const tags = [
      await writer.putPart(output, upload, 1, bytes('a')),
      await writer.putPart(output, upload, 2, bytes('b')),
      await writer.putPart(output, upload, 3, bytes('c', 3)),
    ];
    expect(await s3.text('results', 'runs/parts')).toBeNull();
    await writer.complete(output, upload, tags);
    const text = await s3.text('results', 'runs/parts');
    expect(text).toHaveLength(2 * MIN_PART_BYTES + 3);
    expect(text).toMatch(/^a+b+ccc$/);
  });

  it('with a part that is sent twice has it once', async () => {
    await using writer = writerOf(s3);
    const output = target('again');
    const upload = await writer.begin(output);
    await writer.putPart(output, upload, 1, bytes('x', 10));
    await writer.complete(output, upload, [await writer.putPart(output, upload, 1, bytes('a', 10))]);
    expect(await s3.text('results', 'runs/again')).toBe('aaaaaaaaaa');
  });

  it('can be completed again when the first answer was lost', async () => {
    await using writer = writerOf(s3);
    for (const overwrite of [false, true]) {
      const output = target(`twice-${overwrite}`, { overwrite });
      const upload = await writer.begin(output);
      const tags = [await writer.putPart(output, upload, 1, bytes('a', 10))];
      await writer.complete(output, upload, tags);
      await writer.complete(output, upload, tags);
      expect(await writer.inspect(output)).toBe('written');
    }
  });

  it('that is aborted, even twice, leaves neither object nor upload', async () => {
    await using writer = writerOf(s3);
    const output = target('aborted');
    const upload = await writer.begin(output);
    const tag = await writer.putPart(output, upload, 1, bytes('a'));
    expect(s3.uploads).toContain(upload);
    await writer.abort(output, upload);
    await writer.abort(output, upload);
    expect(s3.uploads).not.toContain(upload);
    await expect(writer.complete(output, upload, [tag])).rejects.toMatchObject({ code: 'source_unreachable' });
    expect(await s3.text('results', 'runs/aborted')).toBeNull();
  });
});

describe('an existing object', () => {
  it('is not overwritten by a write that starts later, whole or in parts', async () => {
    await using writer = writerOf(s3);
    await s3.put('results', 'runs/old', 'precious');
    const output = target('old');
    await expect(writer.inspect(output)).rejects.toMatchObject(CONFLICT);
    await expect(writer.put(output, bytes('a', 1))).rejects.toMatchObject(CONFLICT);
    const upload = await writer.begin(output);
    const tag = await writer.putPart(output, upload, 1, bytes('a', 1));
    await expect(writer.complete(output, upload, [tag])).rejects.toMatchObject(CONFLICT);
    expect(s3.uploads).toContain(upload);
    await writer.abort(output, upload);
    expect(await s3.text('results', 'runs/old')).toBe('precious');
  });

  it('is overwritten when the target allows it, whole or in parts', async () => {
    await using writer = writerOf(s3);
    for (const name of ['whole', 'parted']) {
      await s3.put('results', `runs/${name}`, 'old');
      const output = target(name, { overwrite: true });
      expect(await writer.inspect(output)).toBe('vacant');
      if (name === 'whole') await writer.put(output, Buffer.from('new'));
      else {
        const upload = await writer.begin(output);
        await writer.complete(output, upload, [await writer.putPart(output, upload, 1, Buffer.from('new'))]);
      }
      expect(await s3.text('results', `runs/${name}`)).toBe('new');
    }
  });

  it('is not overwritten when it appears at the last moment', async () => {
    await using writer = writerOf(s3);
    const output = target('race');
    const upload = await writer.begin(output);
    const tag = await writer.putPart(output, upload, 1, bytes('a', 1));
    s3.interfere(async ({ operation }) => {
      if (operation === 'complete' || operation === 'put') await s3.put('results', 'runs/race', 'faster');
      return undefined;
    });
    await expect(writer.complete(output, upload, [tag])).rejects.toMatchObject(CONFLICT);
    s3.interfere(() => undefined);
    expect(await s3.text('results', 'runs/race')).toBe('faster');
  });

  it('counts as the target when an earlier attempt wrote it', async () => {
    await using writer = writerOf(s3);
    await writer.put(target('mine'), Buffer.from('first'));
    expect(await writer.inspect(target('mine'))).toBe('written');
    await writer.put(target('mine'), Buffer.from('second'));
    expect(await s3.text('results', 'runs/mine')).toBe('first');
    await expect(writer.inspect(target('mine', { mark: 'batch-2' }))).rejects.toMatchObject(CONFLICT);
  });
});

describe.each(['refused', 'ignored'] as const)(
  'a server without support for If-None-Match, which is %s',
  (conditions) => {
    it('can be written to, and existing objects are not overwritten', async () => {
      await using server = await startS3({ conditions });
      await server.createBucket('results');
      await using writer = writerOf(server);
      await server.put('results', 'runs/old', 'precious');
      await writer.put(target('new'), Buffer.from('new'));
      expect(await server.text('results', 'runs/new')).toBe('new');
      const output = target('new-parts');
      const upload = await writer.begin(output);
      await writer.complete(output, upload, [await writer.putPart(output, upload, 1, Buffer.from('part'))]);
      expect(await server.text('results', 'runs/new-parts')).toBe('part');
      await expect(writer.put(target('old'), Buffer.from('new'))).rejects.toMatchObject(CONFLICT);
      expect(await server.text('results', 'runs/old')).toBe('precious');
    });
  },
);

describe('a write that fails', () => {
  it('outside the allowed prefixes sends no request', async () => {
    await using writer = writerOf(s3);
    const before = s3.requests.length;
    const output = target('x', { url: 's3://results/other/x' });
    for (const act of [
      () => writer.inspect(output),
      () => writer.put(output, bytes('a', 1)),
      () => writer.begin(output),
      () => writer.putPart(output, 'u', 1, bytes('a', 1)),
      () => writer.complete(output, 'u', []),
      () => writer.abort(output, 'u'),
    ])
      await expect(act()).rejects.toMatchObject({ code: 'source_forbidden' });
    expect(s3.requests).toHaveLength(before);
  });

  it('in a bucket that does not exist is source_unreachable, and not transient', async () => {
    await using writer = writerOf(s3);
    const output = target('x', { url: 's3://nobucket/x' });
    for (const act of [() => writer.put(output, bytes('a', 1)), () => writer.begin(output)]) {
      const error = await act().catch((thrown: Error) => thrown);
      expect(error).toMatchObject({ code: 'source_unreachable' });
      expect(isTransient(error)).toBe(false);
    }
  });

  it.each([
    ['inspect', 'refuses to say'],
    ['begin', 'refuses to write'],
  ] as const)('without permission to %s is source_forbidden', async (act, text) => {
    await using writer = writerOf(s3);
    s3.interfere(() => [403, 'AccessDenied']);
    const failing = writer[act](target('x')).finally(() => s3.interfere(() => undefined));
    await expect(failing).rejects.toMatchObject({ code: 'source_forbidden', message: expect.stringContaining(text) });
  });
});
