import { getEventListeners, once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { S3_CREDENTIALS, startS3, type TestS3 } from '../../../test/support/servers/s3-server.ts';
import { startBehavingServer } from './conformance/server.ts';
import { createObjectWriter, MIN_PART_BYTES, type ObjectWriter, type OutputTarget } from './object-writer.ts';
import { isTransient } from './s3/failures.ts';

let s3: TestS3;
beforeAll(async () => {
  s3 = await startS3();
  await s3.createBucket('results');
});
afterAll(() => s3.stop());

const writerOf = ({ endpoint }: Pick<TestS3, 'endpoint'>, totalMs = 20_000) =>
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
    totalMs,
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

/** Every request of a writer, in an order in which each succeeds. */
const ACTS: Record<string, (writer: ObjectWriter, signal?: AbortSignal, name?: string) => Promise<unknown>> = {
  inspect: (writer, signal, name = 'none') => writer.inspect(target(name), signal),
  put: (writer, signal, name = 'cleaned') => writer.put(target(name, { overwrite: true }), bytes('a', 1), signal),
  begin: (writer, signal, name = 'cleaned') => writer.begin(target(name), signal),
  putPart: (writer, signal, name = 'cleaned') => writer.putPart(target(name), 'no-upload', 1, bytes('a', 1), signal),
  complete: (writer, signal, name = 'cleaned') => writer.complete(target(name), 'no-upload', ['tag'], signal),
  abort: (writer, signal, name = 'cleaned') => writer.abort(target(name), 'no-upload', signal),
};

describe.each(Object.entries(ACTS))('the request of %s', (_, act) => {
  it('leaves no listener on its signal, whether it succeeds, is refused or is too slow', async () => {
    const { signal } = new AbortController();
    for (const how of [undefined, [403, 'AccessDenied'], 'hang'] as const) {
      await using writer = writerOf(s3, how === 'hang' ? 200 : undefined);
      s3.interfere(() => how);
      const outcome = act(writer, signal).finally(() => s3.interfere(() => undefined));
      if (how === 'hang') await expect(outcome).rejects.toMatchObject({ code: 'source_timeout' });
      else if (how) await expect(outcome).rejects.toMatchObject({ code: 'source_forbidden' });
      else await outcome.catch(() => {});
      expect(getEventListeners(signal, 'abort')).toEqual([]);
    }
  });

  it('ends with its signal, and is not sent when that has aborted already', async () => {
    await using writer = writerOf(s3);
    const abort = new AbortController();
    const reason = new Error('the worker is stopping');
    s3.interfere(() => {
      abort.abort(reason);
      return 'hang';
    });
    await expect(act(writer, abort.signal).finally(() => s3.interfere(() => undefined))).rejects.toBe(reason);
    expect(getEventListeners(abort.signal, 'abort')).toEqual([]);
    const before = s3.requests.length;
    await expect(act(writer, abort.signal)).rejects.toBe(reason);
    expect(s3.requests).toHaveLength(before);
  });

  it.each(['is aborted', 'is too slow', 'is cut off by the end of its writer'])(
    'ends with its connection when it %s',
    async (how) => {
      await using server = await startBehavingServer();
      const endpoint = `http://${server.host}`;
      await using writer = writerOf({ endpoint }, how === 'is too slow' ? 2000 : undefined);
      const abort = new AbortController();
      const reason = new Error('the worker is stopping');
      const acting = act(writer, abort.signal, 'silence-before-headers').then(
        () => expect.fail('it succeeded'),
        (error) => error,
      );
      await server.requested('silence-before-headers');
      const began = performance.now();
      if (how === 'is aborted') abort.abort(reason);
      if (how.startsWith('is cut off')) await writer.close();
      if (how === 'is aborted') expect(await acting).toBe(reason);
      else
        expect(await acting).toMatchObject({ code: how === 'is too slow' ? 'source_timeout' : 'source_unreachable' });
      // The limit of the slow one is 2 s, of which a slow machine needs a part before the request arrives.
      expect(performance.now() - began).toBeLessThan(10_000);
      await server.ended('silence-before-headers');
    },
  );
});

describe('a write that fails', () => {
  it('because the server stops reading is source_timeout', async () => {
    const server = createServer((socket) => void socket.on('error', () => {}).pause()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      await using writer = writerOf({ endpoint }, 500);
      const began = performance.now();
      const stuck = writer.putPart(target('stuck'), 'upload', 1, bytes('a', 20e6));
      await expect(stuck).rejects.toMatchObject({ code: 'source_timeout' });
      expect(performance.now() - began).toBeLessThan(10_000);
    } finally {
      server.close();
    }
  });

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
