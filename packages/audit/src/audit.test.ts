import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRedis, type TestRedis } from '../../../test/support/redis/test-redis.ts';
import { badItem, inlineItem, ScriptHarness, urlItem } from '../../queue/src/testing/script-harness.ts';
import { audit } from './audit.ts';

let redis: TestRedis;
let raw: Redis;
let harness: ScriptHarness;
/** Every key and value of the installation as it was made. */
let sound: Map<string, Buffer>;

beforeAll(async () => {
  redis = await startRedis();
  raw = new Redis(redis.url);
  harness = new ScriptHarness(raw, `{fq-${randomUUID()}}`);
  await furnish(harness);
  sound = new Map();
  for (const key of await raw.keys('*')) sound.set(key, (await raw.dumpBuffer(key))!);
});
afterAll(async () => {
  raw.disconnect();
  await redis.stop();
});

/** One of each: jobs, batches and cameras with pending, active and ended work. */
async function furnish(by: ScriptHarness): Promise<void> {
  const webhook = { webhookUrl: 'https://a.example/', webhookHost: 'a.example' };
  await by.submit('told', { idempotencyKey: 'key', fingerprint: 'print', ...webhook });
  await by.claim('told');
  await by.finish('told', 1);
  await by.submit('runs', { queue: 'interactive' });
  await by.claim('runs');
  await by.start('runs', 1);

  // Fifteen items with different names: one bad, one ended, one claimed, one running, eleven pending.
  await by.create('open', { open: true });
  const names = Array.from({ length: 14 }, (_, i) => (i % 2 ? inlineItem(`n${i}`) : urlItem(`n${i}`)));
  const { tokens } = await by.append('open', [badItem('bad'), ...names]);
  await by.settle('open');
  const [ended, , running] = [
    (await by.claim(tokens[0]!)).job!,
    (await by.claim(tokens[1]!)).job!,
    (await by.claim(tokens[2]!)).job!,
  ];
  await by.finish(ended.id, 1);
  await by.start(running.id, 1);

  await by.create('finished', { webhookHost: 'b.example' });
  await by.append('finished', [badItem(null)]);
  await by.settle('finished');
  await by.create('listed', { listing: true });
  await by.settle('listed');
  await by.create('written', { output: true });
  await by.append('written', [badItem(null)]);
  await by.settle('written');
  await by.create('erased', {});
  await by.append(
    'erased',
    Array.from({ length: 4 }, () => inlineItem(null)),
  );
  await by.stop('erased', 'erase', 2);

  // Six frames: two have ended, one is claimed, one runs, two are pending.
  for (let i = 0; i < 6; i++) await by.frame(`frame${i}`, 'gate', { keep: 'all' });
  for (let i = 0; i < 4; i++) {
    const [token] = await by.tokensOf('camera:/gate');
    await by.claim(token!);
  }
  await by.finish('frame0', 1);
  await by.finish('frame1', 1, 'failed');
  await by.start('frame3', 1);
}

const due = (name: string) => raw.zrem(harness.key('due'), name);
const bump = (hash: string, field: string) => raw.hincrby(harness.key(hash), field, 1);
const first = async (key: string) => (await raw.lindex(harness.key(key), 0))!;
const anItem = async () => (await raw.smembers(harness.key('active:open')))[0]!;
const usedToken = async (id: string) => (await raw.hget(harness.key(`job:${id}`), 'ticket'))!;

const DAMAGES: [string, () => Promise<unknown>, RegExp][] = [
  [
    'a queued job missing from the waiting',
    () => raw.zrem(harness.key('waiting:cameras'), 'frame4'),
    /job frame4, queue it waits in: found none, expected cameras/,
  ],
  [
    'a running job among the waiting',
    () => raw.zadd(harness.key('waiting:interactive'), 1, 'runs'),
    /job runs, queue it waits in: found interactive, expected none/,
  ],
  [
    'a waiting job without a record',
    () => raw.zadd(harness.key('waiting:bulk'), 1, 'nobody'),
    /job nobody, waits in bulk, has a record: found no, expected yes/,
  ],
  ['a job the sweep will not visit', () => due('runs'), /job runs, scheduled for the sweep: found no, expected yes/],
  [
    'a scheduled name without a record',
    () => raw.zadd(harness.key('due'), 1, 'nobody'),
    /schedule nobody, has a record: found no, expected yes/,
  ],
  ['a missing image', () => raw.del(harness.key('blob:runs')), /job runs, bytes of its image: found 0, expected 3/],
  [
    'an image without a job',
    () => raw.set(harness.key('blob:nobody'), 'x'),
    /blob:nobody, has an owner: found no, expected yes/,
  ],
  [
    'a missing result',
    () => raw.hdel(harness.key('job:told'), 'result'),
    /job told, bytes of its result: found 0, expected 6/,
  ],
  [
    'an ended job without a time',
    () => raw.hdel(harness.key('job:told'), 'finishedAt'),
    /job told, has an end time: found no, expected yes/,
  ],
  [
    'a missing reservation',
    () => raw.del(harness.key('idem:key')),
    /job told, reservation key: found no, expected yes/,
  ],
  [
    'a reservation no record names',
    () => raw.set(harness.key('idem:other'), 'told x'),
    /reservation other, job: found told, expected none/,
  ],
  [
    'a wrong count of running jobs',
    () => bump('stats', 'processing:interactive'),
    /stats.processing:interactive, count: found 2, expected 1/,
  ],
  [
    'a missing count of running jobs',
    () => raw.hdel(harness.key('stats'), 'processing:interactive'),
    /, count: found 0, expected 1/,
  ],
  ['a wrong sum of image bytes', () => bump('stats', 'blobBytes'), /stats.blobBytes, bytes: found/],
  [
    'image bytes of a flow that has fewer',
    () => bump('flow-bytes', 'o'),
    /stats.blobBytes, bytes of flow o, at most: found 4, expected 3/,
  ],
  ['a wrong sum of result bytes', () => bump('stats', 'resultBytes'), /stats.resultBytes, bytes: found/],
  [
    'more result bytes of a flow than it has',
    () => bump('flow-results', 'o'),
    /stats.resultBytes, results of flow o: found 2061, expected 2060/,
  ],
  [
    'result bytes of a flow that has none',
    () => bump('flow-results', 'nobody'),
    /stats.resultBytes, results of flow nobody: found 1, expected 0/,
  ],
  [
    'result bytes of a job that count with no flow',
    () => raw.hincrby(harness.key('flow-results'), 'o', -6),
    /stats.resultBytes, results of flow o: found 2054, expected 2060/,
  ],
  [
    'result bytes of batches and a camera that count with no flow',
    () => raw.hdel(harness.key('flow-results'), ''),
    /stats.resultBytes, results of flow : found 0, expected \d+/,
  ],
  [
    'a webhook that counts with no flow',
    () => raw.hdel(harness.key('flow-webhooks'), 'a.example o'),
    /stats.resultBytes, webhooks of flow a.example o: found 0, expected 2054/,
  ],
  [
    'a webhook of a batch that counts with another flow',
    async () => {
      await raw.hdel(harness.key('flow-webhooks'), '* ');
      await raw.hset(harness.key('flow-webhooks'), '* other', 2048);
    },
    /webhooks of flow \* other: found 2048, expected 0\n.*webhooks of flow \* : found 0, expected 2048/,
  ],
  [
    'a pending webhook without a delivery',
    () => raw.del(harness.key('delivery:told')),
    /job told, webhook to deliver: found no, expected yes/,
  ],
  [
    'a wrong sum of webhook bytes',
    () => bump('stats', 'deliveryBytes:b.example'),
    /stats.deliveryBytes:b.example, bytes: found/,
  ],
  [
    'a pending webhook of a batch without a delivery',
    () => raw.del(harness.key('delivery:finished')),
    /batch finished, webhook to deliver: found no, expected yes/,
  ],

  ['a wrong total of a batch', () => bump('batch:open', 'total'), /batch open, total: found 16, expected 15/],
  ['a wrong count of ended items', () => bump('batch:open', 'ended'), /batch open, ended: found 3, expected 2/],
  [
    'a wrong count of succeeded items',
    () => bump('batch:open', 'succeeded'),
    /batch open, succeeded: found 2, expected 1/,
  ],
  ['a wrong count of queued items', () => bump('batch:open', 'queued'), /batch open, queued: found 13, expected 12/],
  [
    'a wrong count of running items',
    () => bump('batch:open', 'processing'),
    /batch open, processing: found 2, expected 1/,
  ],
  [
    'a missing result of a batch',
    () => raw.xdel(harness.key('results:open'), '1-0'),
    /batch open, results listed: found 1, expected 2\nbatch open, results in order: found no/,
  ],
  ['a lost item', () => raw.lpop(harness.key('lane:batch:open')), /batch open, queued: found 12, expected 11/],
  [
    'a duplicate item',
    async () => raw.rpush(harness.key('lane:batch:open'), await first('lane:batch:open')),
    /batch open, duplicate items: found \S+, expected none/,
  ],
  [
    'an active item its batch does not list',
    async () => raw.srem(harness.key('active:open'), await anItem()),
    /batch open, active jobs: found/,
  ],
  [
    'a record of an ended item',
    async () => raw.hset(harness.key(`job:${await anItem()}`), 'status', 'failed'),
    /item kept after its end: found yes, expected no/,
  ],
  ['a wrong count of pending items', () => bump('stats', 'items'), /stats.items, count: found 14, expected 13/],
  [
    'a missing image of a pending item',
    async () =>
      raw.del(harness.key(`blob:${JSON.parse((await raw.lindex(harness.key('lane:batch:open'), 0)) ?? '').j}`)),
    /bytes of its image: found 0, expected 5/,
  ],
  ['a missing name', () => raw.srem(harness.key('names:open'), 'n3'), /batch open, nameBytes: found/],
  ['a wrong charge', () => bump('batch:open', 'resultBytes'), /batch open, resultBytes: found/],
  [
    'a batch the sweep will not visit',
    () => due('batch-open'),
    /batch open, scheduled for the sweep: found no, expected yes/,
  ],
  [
    'results without a batch',
    () => raw.xadd(harness.key('results:nobody'), '*', 'a', 'b'),
    /results:nobody, has an owner: found no, expected yes/,
  ],
  [
    'a complete batch that is not finished',
    () => raw.hdel(harness.key('batch:finished'), 'finishedAt', 'expiresAt'),
    /batch finished, finished: found no, expected yes/,
  ],
  [
    'a finished batch in state running',
    () => raw.hset(harness.key('batch:finished'), 'state', 'running'),
    /batch finished, state: found running, expected finished/,
  ],
  [
    'a pending listing without a task',
    () => raw.zrem(harness.key('tasks'), 'list listed'),
    /batch listed, task to list: found no, expected yes/,
  ],
  [
    'a pending output without a task',
    () => raw.zrem(harness.key('tasks'), 'write written'),
    /batch written, task to write its output: found no, expected yes/,
  ],
  [
    'a task without a batch',
    () => raw.zadd(harness.key('tasks'), 1, 'list nobody'),
    /schedule list nobody, its batch has a record: found no, expected yes/,
  ],
  [
    'a closed batch that keeps names',
    () => raw.sadd(harness.key('names:finished'), 'x'),
    /batch finished, names kept after closing: found 1, expected 0/,
  ],

  [
    'a lost token',
    async () => raw.hdel(harness.key('turns'), (await harness.tokensOf('batch:open'))[0]!),
    /lane batch:open, stored count of free tokens: found 8, expected 7/,
  ],
  [
    'a surplus token',
    () => raw.hset(harness.key('turns'), 'turn-99', 'batch:open'),
    /lane batch:open, free tokens: found 9, expected 8 at most/,
  ],
  [
    'a token the sweep will not visit',
    async () => due((await harness.tokensOf('batch:open'))[0]!),
    /token turn-\d+, scheduled for the sweep: found no, expected yes/,
  ],
  [
    'too few tokens',
    async () => {
      const [token = ''] = await harness.tokensOf('camera:/gate');
      await raw.hdel(harness.key('turns'), token);
      await due(token);
      await raw.hset(harness.key('camera:/gate'), 'turns', 0);
    },
    /lane camera:\/gate, free tokens for 2 pending: found 0, expected 1/,
  ],
  [
    'a token used for a job without a record',
    () => raw.hset(harness.key('turns'), 'turn-99', 'batch:open nobody'),
    /token turn-99, used for nobody, delivery id of that job: found none, expected turn-99/,
  ],
  [
    'a job whose token is gone',
    async () => raw.hdel(harness.key('turns'), await usedToken('frame2')),
    /job frame2, job of its token turn-\d+: found none, expected frame2/,
  ],

  [
    'a wrong count of posted frames',
    () => bump('camera:/gate', 'posted'),
    /camera \/gate, posted: found 7, expected 6/,
  ],
  [
    'a wrong count of waiting frames',
    () => bump('camera:/gate', 'waiting'),
    /camera \/gate, waiting: found 4, expected 3/,
  ],
  [
    'a wrong count of running frames',
    () => bump('camera:/gate', 'processing'),
    /camera \/gate, processing: found 2, expected 1/,
  ],
  [
    'a wrong sum of image bytes of a camera',
    () => bump('camera:/gate', 'blobBytes'),
    /camera \/gate, blobBytes: found/,
  ],
  [
    'a wrong sum of result bytes of a camera',
    () => bump('camera:/gate', 'resultBytes'),
    /camera \/gate, resultBytes: found/,
  ],
  [
    'a waiting frame in no lane',
    () => raw.lpop(harness.key('lane:camera:/gate')),
    /camera \/gate, frames in its lane: found/,
  ],
  [
    'a missing result of a camera',
    async () => {
      const [last] = await raw.xrevrange(harness.key('frames:/gate'), '+', '-', 'COUNT', 1);
      await raw.xdel(harness.key('frames:/gate'), last![0]);
    },
    /camera \/gate, numbers of its kept results: found (\d+) to \1, expected (?!\1)(\d+) to \2/,
  ],
  [
    'a camera missing from the list',
    () => raw.zrem(harness.key('cameras'), '/gate'),
    /camera \/gate, time in the list of cameras: found none, expected/,
  ],
  [
    'a listed camera without a record',
    () => raw.zadd(harness.key('cameras'), 1, '/nobody'),
    /camera \/nobody, listed, has a record: found no, expected yes/,
  ],
  [
    'a camera the sweep will not visit',
    () => due('camera-/gate'),
    /camera \/gate, scheduled for the sweep: found no, expected yes/,
  ],
  [
    'a flow that waits alone beside another',
    () => raw.hset(harness.key('stats'), 'alone:bulk', 'o'),
    /flow bulk:o, waits alone: found no, expected yes/,
  ],
  [
    'a job passed over of a flow that waits alone',
    async () => {
      await raw.hset(harness.key('stats'), 'alone:interactive', 'o');
      await raw.zadd(harness.key('lane:jobs:interactive:o'), -1, 'x');
    },
    /flow interactive:o, jobs passed over while it waits alone: found 1, expected 0/,
  ],
  [
    'a job that does not wait, in the lane of a flow that waits alone',
    async () => {
      await raw.hset(harness.key('stats'), 'alone:interactive', 'o');
      await raw.zadd(harness.key('lane:jobs:interactive:o'), 1, 'runs');
    },
    /flow interactive:o, job runs waits in its lane: found none, expected interactive:o/,
  ],
  [
    'a lane of single jobs of a flow that does not wait',
    () => raw.zadd(harness.key('lane:jobs:interactive:nobody'), 1, 'x'),
    /lane:jobs:interactive:nobody, has an owner: found no, expected yes/,
  ],
  [
    'frames without a camera',
    () => raw.rpush(harness.key('lane:camera:/nobody'), 'x'),
    /lane:camera:\/nobody, has an owner: found no, expected yes/,
  ],
];

describe('an audit', () => {
  it('finds nothing on a sound installation', async () => {
    expect(await audit(redis.url, harness.prefix)).toMatchObject({
      findings: [],
      jobs: { succeeded: 2, failed: 1, processing: 3, queued: 4 },
    });
  });

  it('finds nothing in image bytes that a process of another release has not charged to their flow', async () => {
    await raw.flushall();
    for (const [key, value] of sound) await raw.restore(key, 0, value);
    await raw.hset(harness.key('flow-bytes'), { '*': 1, o: 50 });
    expect((await audit(redis.url, harness.prefix)).findings).toEqual([]);
  });

  it('finds nothing in result bytes that a process of another release has not charged to their flow', async () => {
    await raw.flushall();
    for (const [key, value] of sound) await raw.restore(key, 0, value);
    await raw.hset(harness.key('flow-results'), { '*': 1, o: 50 });
    await raw.del(harness.key('flow-webhooks'));
    expect((await audit(redis.url, harness.prefix)).findings).toEqual([]);
  });

  it('counts no bytes with a flow that name an earlier epoch', async () => {
    await raw.flushall();
    for (const [key, value] of sound) await raw.restore(key, 0, value);
    await raw.hset(harness.key('stats'), 'resultEpoch', 1);
    await raw.del(harness.key('flow-results'), harness.key('flow-webhooks'));
    await raw.hset(harness.key('flow-results'), '*', (await raw.hget(harness.key('stats'), 'resultBytes'))!);
    expect((await audit(redis.url, harness.prefix)).findings).toEqual([]);
    await raw.hset(harness.key('job:told'), 'resultEpoch', 1);
    expect((await audit(redis.url, harness.prefix)).findings.map(({ text }) => text)).toEqual([
      'total stats.resultBytes, results of flow o: found 0, expected 6',
    ]);
  });

  it.each(DAMAGES)('finds %s', async (_, damage, text) => {
    await raw.flushall();
    for (const [key, value] of sound) await raw.restore(key, 0, value);
    await damage();
    const { findings } = await audit(redis.url, harness.prefix);
    expect(findings.map(({ text }) => text).join('\n')).toMatch(text);
  });
});
