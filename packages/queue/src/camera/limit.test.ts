import { audit } from '@facequeue/audit';
import { describe, expect, it } from 'vitest';
import { ROOMY } from '../testing/rig.ts';
import type { FrameOptions } from '../testing/script-harness.ts';
import { by, raw, redis, useScripts } from '../testing/scripts-on-redis.ts';

useScripts();

async function sound(): Promise<void> {
  expect((await audit(redis.url, by.prefix)).findings).toEqual([]);
}

const SHARE = ['share', 30_000];
let frames = 0;

/** Posts a frame. @returns the word of the reply */
async function post(camera: string, flow: string, maxCameras: number, more: FrameOptions = {}): Promise<string> {
  return String((await by.frame(`f${frames++}`, camera, { flow, maxCameras, ...more }))[0]);
}

/** Posts a frame that ends like this. */
async function processed(
  camera: string,
  flow: string,
  maxCameras: number,
  status: 'succeeded' | 'failed' = 'succeeded',
): Promise<void> {
  expect(await post(camera, flow, maxCameras)).toBe('ok');
  for (;;) {
    const [token] = await by.tokensOf(`camera:/${camera}`);
    const { job } = await by.claim(token!);
    // A token brings a frame of another flow when it is that one's turn.
    if ((await raw.hget(by.key(`job:${job!.id}`), 'camera')) !== `/${camera}`) continue;
    expect(await by.finish(job!.id, 1, status)).toBe(true);
    return;
  }
}

const names = async () => (await raw.zrange(by.key('cameras'), 0, '-1')).map((name) => name.slice(1)).sort();
const kindOf = (camera: string) => raw.hget(by.key(`camera:/${camera}`), 'kind');

/** Makes the time of its last frame earlier than that of all others. */
async function longIdle(camera: string, flow: string): Promise<void> {
  await raw.hset(by.key(`camera:/${camera}`), 'lastFrameAt', 1);
  await raw.zadd(by.key('cameras'), 1, `/${camera}`);
  await raw.zadd(by.key(`cameras:${await kindOf(camera)}:${flow}`), 1, `/${camera}`);
}

describe('a camera', () => {
  it('counts from its first frame that could be decoded', async () => {
    await processed('a', 'x', 4, 'failed');
    expect([await kindOf('a'), await raw.hget(by.key('stats'), 'cameras:decoded')]).toEqual(['undecoded', null]);
    await processed('a', 'x', 4);
    expect([await kindOf('a'), await raw.hget(by.key('stats'), 'cameras:decoded')]).toEqual(['decoded', '1']);
    await processed('a', 'x', 4);
    expect(await raw.hget(by.key('stats'), 'cameras:decoded')).toBe('1');
    await sound();
  });

  it('of an earlier release counts from its next frame on', async () => {
    await processed('a', 'x', 4);
    await raw.hdel(by.key('camera:/a'), 'kind', 'flow');
    await raw.del(by.key('cameras:decoded'), by.key('cameras:decoded:x'));
    await raw.hdel(by.key('stats'), 'cameras:decoded');
    expect(await post('a', 'x', 4)).toBe('ok');
    expect(await kindOf('a')).toBe('decoded');
    await sound();
  });

  it('that an earlier release has forgotten makes room as the longest idle one', async () => {
    for (const camera of ['a', 'b']) await processed(camera, 'x', 2);
    const bytes = Number(await raw.hget(by.key('camera:/a'), 'resultBytes'));
    await raw.hincrby(by.key('stats'), 'resultBytes', -bytes);
    await raw.del(by.key('camera:/a'), by.key('frames:/a'));
    await raw.zrem(by.key('cameras'), '/a');
    await raw.zrem(by.key('due'), 'camera-/a');
    await longIdleEntry('a', 'x');
    await processed('c', 'x', 2);
    expect(await names()).toEqual(['b', 'c']);
    await sound();
  });

  const longIdleEntry = (camera: string, flow: string) => raw.zadd(by.key(`cameras:decoded:${flow}`), 1, `/${camera}`);
});

describe('a flow alone', () => {
  it('has seven eighths of the cameras; then its longest idle one gives way', async () => {
    for (let i = 0; i < 14; i++) await processed(`c${i}`, 'x', 16);
    await longIdle('c5', 'x');
    await processed('new', 'x', 16);
    expect(await names()).toEqual(
      ['new', ...Array.from({ length: 14 }, (_, i) => `c${i}`).filter((name) => name !== 'c5')].sort(),
    );
    expect(await raw.exists(by.key('camera:/c5'), by.key('frames:/c5'))).toBe(0);
    await sound();
  });

  it('gets no more names while a frame waits of each, and keeps those it has', async () => {
    for (let i = 0; i < 14; i++) expect(await post(`c${i}`, 'x', 16)).toBe('ok');
    expect(await by.frame('no', 'new', { flow: 'x', maxCameras: 16 })).toEqual(SHARE);
    expect(await post('c3', 'x', 16)).toBe('ok');
    expect((await names()).length).toBe(14);
    expect(await raw.exists(by.key('job:no'))).toBe(0);
    await sound();
  });

  it('loses no camera to a frame that is refused', async () => {
    for (let i = 0; i < 14; i++) await processed(`c${i}`, 'x', 16, 'failed');
    const limits = { ...ROOMY, maxBlobBytes: 1 };
    expect(await post('new', 'x', 16, { limits })).toBe('full');
    expect((await names()).length).toBe(14);
  });

  it('loses no camera that works to names of which no frame can be decoded', async () => {
    for (let i = 0; i < 6; i++) await processed(`works${i}`, 'x', 8);
    for (let i = 0; i < 20; i++) await processed(`made-up${i}`, 'x', 8, 'failed');
    const all = await names();
    expect(all.filter((name) => name.startsWith('works')).length).toBe(6);
    expect(all.filter((name) => name.startsWith('made-up')).length).toBe(7);
    await sound();
  });
});

describe('a flow that comes when another has all cameras it may have', () => {
  it('has the reserve, then its half: of the other the longest idle ones give way, even busy ones', async () => {
    for (let i = 0; i < 14; i++) expect(await post(`x${i}`, 'x', 16)).toBe('ok');
    for (let i = 0; i < 8; i++) {
      expect(await post(`y${i}`, 'y', 16)).toBe('ok');
      expect((await names()).length).toBe(Math.min(16, 15 + i));
    }
    const of = async (flow: string) => (await names()).filter((name) => name.startsWith(flow)).length;
    expect([await of('x'), await of('y')]).toEqual([8, 8]);
    // Neither takes from the other now.
    expect(await post('y8', 'y', 16)).toBe('share');
    expect(await post('x14', 'x', 16)).toBe('share');
    // The frames of those that gave way have ended.
    const displaced = await raw.hmget(by.key(`job:f${frames - 24}`), 'status', 'errorDetail');
    expect(displaced).toEqual(['canceled', 'its camera gave way to others, because there are too many']);
    await sound();
  });

  it('gets in although each of the others has its share: the longest idle one gives way, but no busy one', async () => {
    for (const flow of ['v', 'w', 'x', 'y']) await processed(flow, flow, 4, 'failed');
    expect(await post('z', 'z', 4)).toBe('ok');
    expect((await names()).length).toBe(4);
    for (const camera of await names()) expect(await post(camera, camera, 4)).toBe('ok');
    expect(await by.frame('no', 'a', { flow: 'a', maxCameras: 4 })).toEqual(['full', 'cameras', 30_000]);
    await sound();
  });

  it('passes over a camera with hundreds of waiting frames', async () => {
    for (let i = 0; i < 4; i++) expect(await post(`x${i}`, 'x', 4)).toBe('ok');
    for (let i = 0; i < 100; i++) await post('x0', 'x', 4, { keep: 'all' });
    await longIdle('x0', 'x');
    expect(await post('y', 'y', 4)).toBe('ok');
    expect(await names()).toEqual(['x0', 'x2', 'x3', 'y']);
    await sound();
  });
});

it('a flow that posts 4096 names leaves room for the first camera of another', async () => {
  const answers = new Map<string, number>();
  const batch = Array.from({ length: 4096 }, (_, i) => post(`made-up-${i}`, 'a', 4096));
  for (const answer of await Promise.all(batch)) answers.set(answer, (answers.get(answer) ?? 0) + 1);
  expect(Object.fromEntries(answers)).toEqual({ ok: 3584, share: 512 });
  expect(await post('gate', 'b', 4096)).toBe('ok');
  // Flows take turns, so the frame is among the next two.
  const claimed: string[] = [];
  for (const token of [...(await by.tokensOf('camera:/gate')), ...(await by.tokensOf('camera:/made-up-0'))]) {
    const { job } = await by.claim(token);
    expect(await by.finish(job!.id, 1)).toBe(true);
    claimed.push(job!.id);
  }
  expect(claimed).toContain(`f${frames - 1}`);
  expect(await kindOf('gate')).toBe('decoded');
});
