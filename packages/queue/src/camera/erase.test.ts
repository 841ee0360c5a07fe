import { audit } from '@facequeue/audit';
import { expect, it } from 'vitest';
import { by, raw, redis, useScripts } from '../testing/scripts-on-redis.ts';

useScripts();

async function sound(): Promise<void> {
  expect((await audit(redis.url, by.prefix)).findings).toEqual([]);
}

const token = async (camera: string) => (await by.tokensOf(`camera:/${camera}`))[0]!;
const keysOf = async (camera: string) =>
  (await raw.keys(by.key(`*${camera}*`))).filter((key) => !key.includes(':gone:')).sort();

async function eraseAll(camera: string, chunk: number): Promise<number> {
  for (let calls = 1; ; calls++) if (!(await by.eraseCamera(camera, chunk)).more) return calls;
}

/** A camera with frames that have ended, that a worker has, and that wait. */
async function busyCamera(camera: string): Promise<void> {
  for (const id of ['ended-1', 'ended-2', 'ended-3']) {
    await by.frame(`${camera}-${id}`, camera, { keep: 'all' });
    await by.claim(await token(camera));
    await by.finish(`${camera}-${id}`, 1);
  }
  await by.frame(`${camera}-runs`, camera, { keep: 'all' });
  await by.claim(await token(camera));
  await by.start(`${camera}-runs`, 1);
  for (const id of ['waits-1', 'waits-2', 'waits-3']) await by.frame(`${camera}-${id}`, camera, { keep: 'all' });
}

it('a camera is erased with the images and results of its frames, a chunk a call, and no other camera', async () => {
  await busyCamera('door');
  await busyCamera('gate');
  const others = await keysOf('door');
  expect(await eraseAll('gate', 2)).toBeGreaterThan(4);
  expect(await raw.exists(by.key('camera:/gate'), by.key('frames:/gate'), by.key('lane:camera:/gate'))).toBe(0);
  expect(await raw.keys(by.key('blob:gate-*'))).toEqual([]);
  // What is left of its frames are jobs without result that say how they ended.
  expect((await raw.keys(by.key('job:gate-*'))).sort()).toEqual(
    ['runs', 'waits-1', 'waits-2', 'waits-3'].map((id) => by.key(`job:gate-${id}`)),
  );
  expect(await raw.hmget(by.key('job:gate-waits-1'), 'status', 'errorCode', 'errorDetail')).toEqual([
    'canceled',
    'canceled',
    'the camera was deleted',
  ]);
  expect(await by.finish('gate-runs', 1)).toBe(false);
  expect(await keysOf('door')).toEqual(others);
  await sound();
});

it('the worker that processes a frame of an erased camera is notified', async () => {
  await busyCamera('gate');
  const listener = raw.duplicate();
  const heard: string[] = [];
  listener.on('message', (_, id: string) => heard.push(id));
  await listener.subscribe(by.key('cancel'));
  await eraseAll('gate', 1000);
  await expect.poll(() => heard).toEqual(['gate-runs']);
  listener.disconnect();
});

it('frames that were superseded and have not ended yet are erased with their camera', async () => {
  for (const id of ['a', 'b', 'c', 'd']) await by.frame(id, 'gate', { keep: 'all' });
  await by.postFrame('e', 'gate', { chunk: 1 });
  await eraseAll('gate', 1);
  expect(await raw.hget(by.key('job:c'), 'errorDetail')).toBe('the camera was deleted');
  expect(await raw.keys(by.key('{blob,superseded}:*'))).toEqual([]);
  await sound();
});

it('a camera that is posted to after it was erased begins anew', async () => {
  await busyCamera('gate');
  // The token of the next frame is on its way to a worker.
  const old = await token('gate');
  await eraseAll('gate', 1000);
  expect((await by.frame('new', 'gate'))[0]).toBe('ok');
  expect((await by.claim(old)).job).toBeNull();
  expect((await by.claim(await token('gate'))).job?.id).toBe('new');
  await by.finish('new', 1);
  expect(await raw.hmget(by.key('camera:/gate'), 'posted', 'succeeded', 'waiting', 'turns')).toEqual([
    '1',
    '1',
    '0',
    '0',
  ]);
  await sound();
});

it('erasing a camera again answers the same, but a name that had no camera is unknown', async () => {
  await by.frame('a', 'gate');
  await eraseAll('gate', 1000);
  expect(await by.eraseCamera('gate')).toEqual({ exists: true, more: false });
  expect(await by.eraseCamera('door')).toEqual({ exists: false, more: false });
});
