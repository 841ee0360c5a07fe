import type { FrameEvent } from '@facequeue/schema';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Client, createClient } from '../client.ts';
import {
  disconnect,
  json,
  plain,
  problem,
  RETRY_NOW,
  type ScriptedServer,
  startScriptedServer,
  stream,
} from '../testing/scripted-server.ts';
import type { CameraFrame } from './calls.ts';

const JOB = { id: '01930000-0000-7000-8000-000000000000', status: 'queued' };
const IMAGE = { bytes: Uint8Array.of(255, 216, 255) };

let service: ScriptedServer;
let client: Client;
beforeEach(async () => {
  service = await startScriptedServer();
  client = createClient({ baseUrl: service.baseUrl });
});
afterEach(() => service.kill());

const requests = () => service.seen.map(({ method, url }) => `${method} ${url}`);

describe('a frame', () => {
  it('is sent with its time and options', async () => {
    service.answers = [json(JOB, {}, 202)];
    const time = new Date('2026-01-02T03:04:05.678Z');
    expect(
      await client.postFrame('gate-1', IMAGE, { keep: 'all', max_age: 0.5, frame_time: time, landmarks: false }),
    ).toEqual(JOB);
    await client.postFrame('a/b', IMAGE, { frame_time: '2026-01-02T04:04:05+01:00' });
    await client.postFrame('gate-1', IMAGE);
    expect(requests()).toEqual([
      'POST /cameras/gate-1/frames?keep=all&max_age=0.5&landmarks=false',
      'POST /cameras/a%2Fb/frames',
      'POST /cameras/gate-1/frames',
    ]);
    expect(service.seen.map(({ headers }) => headers['x-frame-time'])).toEqual([
      '2026-01-02T03:04:05.678Z',
      '2026-01-02T04:04:05+01:00',
      undefined,
    ]);
    expect(service.seen[0]!.headers['content-type']).toBe('application/octet-stream');
    expect(service.seen[0]!.body.equals(Buffer.from(IMAGE.bytes))).toBe(true);
  });

  it('is submitted again only when it was not accepted', async () => {
    service.answers = [problem('queue_full', RETRY_NOW), json(JOB, {}, 202)];
    expect(await client.postFrame('gate-1', IMAGE)).toEqual(JOB);
    expect(service.seen).toHaveLength(2);
    service.answers = [disconnect];
    await expect(client.postFrame('gate-1', IMAGE)).rejects.toMatchObject({ code: 'unavailable' });
    expect(service.seen).toHaveLength(3);
  });

  it('is refused with an invalid time', async () => {
    const call = client.postFrame('gate-1', IMAGE, { frame_time: new Date(Number.NaN) });
    await expect(call).rejects.toMatchObject({ code: 'invalid_request' });
  });
});

describe('cameras', () => {
  it('are listed and read', async () => {
    service.answers = [json({ cameras: [{ camera: 'gate-1' }] }), json({ camera: 'gate-1' }), problem('not_found')];
    expect(await client.cameras()).toEqual([{ camera: 'gate-1' }]);
    expect(await client.camera('gate-1')).toEqual({ camera: 'gate-1' });
    await expect(client.camera('gate-2')).rejects.toMatchObject({ code: 'not_found' });
    expect(requests()).toEqual(['GET /cameras', 'GET /cameras/gate-1', 'GET /cameras/gate-2']);
  });

  it('are erased, and once more after a broken connection', async () => {
    service.answers = [disconnect, plain(204, ''), problem('not_found')];
    expect(await client.eraseCamera('a/b')).toBeUndefined();
    await expect(client.eraseCamera('gate-2')).rejects.toMatchObject({ code: 'not_found' });
    expect(requests()).toEqual(['DELETE /cameras/a%2Fb', 'DELETE /cameras/a%2Fb', 'DELETE /cameras/gate-2']);
  });
});

describe('the frames of a camera', () => {
  const frame = (job: string) => ({ camera: 'gate-1', job }) as FrameEvent;
  const event = (id: string, job: string) => `id: ${id}\nevent: frame\ndata: ${JSON.stringify(frame(job))}\n\n`;
  const seenIds = () => service.seen.map(({ headers }) => headers['last-event-id']);

  /** Reads this many frames. */
  async function read(count: number, options = {}): Promise<CameraFrame[]> {
    const frames: CameraFrame[] = [];
    for await (const one of client.frames('gate-1', options)) if (frames.push(one) === count) break;
    return frames;
  }

  it('have their cursor, survive broken connections, and appear once', async () => {
    service.answers = [
      stream(`retry: 0\n\nid: 4\n\n${event('5', 'a')}`, 'break'),
      stream(`retry: 0\n\nid: 5\n\nevent: later\ndata: {}\n\n${event('6', 'b')}id: 7`, 'end'),
      stream(event('7', 'c'), 'stay'),
    ];
    expect(await read(3)).toEqual([
      { ...frame('a'), cursor: '5' },
      { ...frame('b'), cursor: '6' },
      { ...frame('c'), cursor: '7' },
    ]);
    expect(requests()).toEqual(Array(3).fill('GET /cameras/gate-1/events'));
    expect(seenIds()).toEqual([undefined, '5', '6']);
  });

  it('are not missed when the stream breaks before the first event', async () => {
    service.answers = [stream('retry: 0\n\nid: 4\n\n', 'break'), stream(event('5', 'a'), 'stay')];
    await read(1);
    expect(seenIds()).toEqual([undefined, '4']);
  });

  it('start at the given cursor, and report when the stream is open', async () => {
    service.answers = [stream(event('9', 'a'), 'stay')];
    let opened = 0;
    const options = { after: '8', onOpen: () => (opened += 1) };
    expect(await read(1, options)).toEqual([{ ...frame('a'), cursor: '9' }]);
    expect(seenIds()).toEqual(['8']);
    expect(opened).toBe(1);
  });

  it('report an open stream only when a broken connection would lose nothing', async () => {
    const heard: string[] = [];
    service.answers = [
      stream('retry: 0\n\n', 'break'),
      (...of) => {
        heard.push('again');
        stream(event('5', 'a'), 'stay')(...of);
      },
    ];
    await read(1, { onOpen: (cursor: string) => heard.push(`begun at ${cursor}`) });
    expect(heard).toEqual(['again', 'begun at 5']);
  });

  it('end with their signal', async () => {
    service.answers = [stream('id: 4\n\n', 'stay')];
    const stop = new AbortController();
    const reading = read(1, { signal: stop.signal, onOpen: () => stop.abort(new Error('enough')) });
    await expect(reading).rejects.toThrow('enough');
  });

  it('throw the refusal of the service', async () => {
    service.answers = [problem('unauthorized')];
    await expect(read(1)).rejects.toMatchObject({ code: 'unauthorized' });
  });
});
