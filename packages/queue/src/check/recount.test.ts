import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { ByHand, badItem, inlineItem, NO_LIMITS, urlItem } from '../testing/by-hand.ts';
import { LONG } from '../testing/rig.ts';
import { recount } from './recount.ts';

let redis: TestRedis;
let raw: Redis;
let hand: ByHand;
/** Every key and value of the installation as it was made. */
let whole: Map<string, Buffer>;

beforeAll(async () => {
  redis = await startRedis();
  raw = new Redis(redis.url);
  hand = new ByHand(raw, `{fq-${randomUUID()}}`);
  await furnish(hand);
  whole = new Map();
  for (const key of await raw.keys('*')) whole.set(key, (await raw.dumpBuffer(key))!);
});
afterAll(async () => {
  raw.disconnect();
  await redis.stop();
});

/** One of each: what waits, what is in hand and what has ended of jobs, batches and cameras. */
async function furnish(by: ByHand): Promise<void> {
  const words = ['inline', '{}', 'r', 'o', 'key', 'print', 'https://a.example/', 'a.example', 'img'];
  await by.scripts('submit', 'told', 'bulk', LONG, '', LONG, ...NO_LIMITS, ...words);
  await by.claim('told');
  await by.finish('told', 1);
  await by.scripts(
    'submit',
    'runs',
    'interactive',
    LONG,
    '',
    LONG,
    ...NO_LIMITS,
    'inline',
    '{}',
    'r',
    'o',
    '',
    '',
    '',
    '',
    'img',
  );
  await by.claim('runs');
  await by.start('runs', 1);

  // Not a name in it twice, fifteen items: a bad one, one that has ended, one claimed, one running, eleven that wait.
  await by.create('open', { open: true });
  const names = Array.from({ length: 14 }, (_, i) => (i % 2 ? inlineItem(`n${i}`) : urlItem(`n${i}`)));
  const { turns } = await by.append('open', [badItem('bad'), ...names]);
  await by.settle('open');
  const [ended, , running] = [
    (await by.claim(turns[0]!)).job!,
    (await by.claim(turns[1]!)).job!,
    (await by.claim(turns[2]!)).job!,
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

  // Six frames: two have ended, one is claimed, one runs, two wait.
  for (let i = 0; i < 6; i++) await by.frame(`frame${i}`, 'gate', { keep: 'all' });
  for (let i = 0; i < 4; i++) {
    const [turn] = await by.turnsOf('camera:/gate');
    await by.claim(turn!);
  }
  await by.finish('frame0', 1);
  await by.finish('frame1', 1, 'failed');
  await by.start('frame3', 1);
}

const due = (name: string) => raw.zrem(hand.key('due'), name);
const bump = (hash: string, field: string) => raw.hincrby(hand.key(hash), field, 1);
const first = async (key: string) => (await raw.lindex(hand.key(key), 0))!;
const anItem = async () => (await raw.smembers(hand.key('active:open')))[0]!;
const boundTurn = async (id: string) => (await raw.hget(hand.key(`job:${id}`), 'ticket'))!;

const DAMAGES: [string, () => Promise<unknown>, RegExp][] = [
  [
    'a queued job that is not among those that wait',
    () => raw.zrem(hand.key('waiting:cameras'), 'frame4'),
    /not in waiting:cameras/,
  ],
  ['a job that waits and runs', () => raw.zadd(hand.key('waiting:interactive'), 1, 'runs'), /yet in waiting/],
  ['one that waits and is not there', () => raw.zadd(hand.key('waiting:bulk'), 1, 'nobody'), /nobody in waiting:bulk/],
  ['a job nobody will look at', () => due('runs'), /runs is not due/],
  ['something due that is not there', () => raw.zadd(hand.key('due'), 1, 'nobody'), /nobody is due/],
  ['an image that is gone', () => raw.del(hand.key('blob:runs')), /image is not of 3 bytes/],
  ['an image of nobody', () => raw.set(hand.key('blob:nobody'), 'x'), /blob:nobody belongs to nothing/],
  ['a result that is gone', () => raw.hdel(hand.key('job:told'), 'result'), /result is not of 6 bytes/],
  ['an end without a time', () => raw.hdel(hand.key('job:told'), 'finishedAt'), /with finishedAt undefined/],
  ['a reservation that is gone', () => raw.del(hand.key('idem:key')), /has no reservation key/],
  ['a reservation of nobody', () => raw.set(hand.key('idem:other'), 'told x'), /idem:other is of told/],
  [
    'a count of running jobs',
    () => bump('stats', 'processing:interactive'),
    /stats.processing:interactive is 2, counted 1/,
  ],
  [
    'a count of running jobs that is not kept',
    () => raw.hdel(hand.key('stats'), 'processing:interactive'),
    /is 0, counted 1/,
  ],
  ['a sum of images', () => bump('stats', 'blobBytes'), /stats.blobBytes/],
  ['a sum of results', () => bump('stats', 'resultBytes'), /stats.resultBytes/],
  ['a webhook that is on no way', () => raw.del(hand.key('delivery:told')), /webhook is pending/],
  ['a sum of webhooks', () => bump('stats', 'deliveryBytes:b.example'), /stats.deliveryBytes:b.example/],
  [
    'the webhook of a batch on no way',
    () => raw.del(hand.key('delivery:finished')),
    /the webhook of batch finished is pending/,
  ],

  ['a total', () => bump('batch:open', 'total'), /16 is not/],
  ['an end too many', () => bump('batch:open', 'ended'), /are not/],
  ['a succeeded item too many', () => bump('batch:open', 'succeeded'), /succeeded is 2, listed 1/],
  ['a queued item too many', () => bump('batch:open', 'queued'), /queued is 13, counted 11 \+ 1/],
  ['a running item too many', () => bump('batch:open', 'processing'), /processing is 2, counted 1/],
  ['a result that is gone', () => raw.xdel(hand.key('results:open'), '1-0'), /2 ended, results are 2-0/],
  ['an item that is lost', () => raw.lpop(hand.key('lane:batch:open')), /queued is 12, counted 10 \+ 1/],
  [
    'an item that is there twice',
    async () => raw.rpush(hand.key('lane:batch:open'), await first('lane:batch:open')),
    /has an item twice/,
  ],
  ['an item in hand of no batch', async () => raw.srem(hand.key('active:open'), await anItem()), /active are/],
  [
    'a record of an item that has ended',
    async () => raw.hset(hand.key(`job:${await anItem()}`), 'status', 'failed'),
    /an item's record ends with it/,
  ],
  ['a count of items that wait', () => bump('stats', 'items'), /stats.items is 14, counted 13/],
  [
    'the image of an item that waits',
    async () => raw.del(hand.key(`blob:${JSON.parse((await raw.lindex(hand.key('lane:batch:open'), 0)) ?? '').j}`)),
    /which waits, has 0 bytes/,
  ],
  ['a name that is forgotten', () => raw.srem(hand.key('names:open'), 'n3'), /nameBytes is/],
  ['a charge', () => bump('batch:open', 'resultBytes'), /batch open: resultBytes is/],
  ['a batch nobody will look at', () => due('batch-open'), /batch open is not due/],
  [
    'results of no batch',
    () => raw.xadd(hand.key('results:nobody'), '*', 'a', 'b'),
    /results:nobody belongs to nothing/,
  ],
  [
    'a batch that is done and does not end',
    () => raw.hdel(hand.key('batch:finished'), 'finishedAt', 'expiresAt'),
    /is done, finishedAt undefined/,
  ],
  [
    'a batch that has ended and is running',
    () => raw.hset(hand.key('batch:finished'), 'state', 'running'),
    /is running, should be finished/,
  ],
  [
    'a listing that nobody does',
    () => raw.zrem(hand.key('tasks'), 'list listed'),
    /the listing of batch listed is waiting, yet no task/,
  ],
  [
    'an output that nobody writes',
    () => raw.zrem(hand.key('tasks'), 'write written'),
    /the output of batch written is waiting, yet no task/,
  ],
  ['a task of nobody', () => raw.zadd(hand.key('tasks'), 1, 'list nobody'), /is of no batch/],
  ['a closed batch that keeps names', () => raw.sadd(hand.key('names:finished'), 'x'), /is closed and keeps names/],

  [
    'a turn that is lost',
    async () => raw.hdel(hand.key('turns'), (await hand.turnsOf('batch:open'))[0]!),
    /batch:open: turns is 8, counted 7/,
  ],
  ['a turn too many', () => raw.hset(hand.key('turns'), 'turn-99', 'batch:open'), /counted 9/],
  ['a turn nobody will look for', async () => due((await hand.turnsOf('batch:open'))[0]!), /is not due/],
  [
    'too few turns',
    async () => {
      const [turn = ''] = await hand.turnsOf('camera:/gate');
      await raw.hdel(hand.key('turns'), turn);
      await due(turn);
      await raw.hset(hand.key('camera:/gate'), 'turns', 0);
    },
    /camera:\/gate has 0 turns for 2 that wait/,
  ],
  [
    'a turn that is bound to nobody',
    () => raw.hset(hand.key('turns'), 'turn-99', 'batch:open nobody'),
    /bound to nobody/,
  ],
  [
    'a job whose turn has forgotten it',
    async () => raw.hdel(hand.key('turns'), await boundTurn('frame2')),
    /frame2 came by/,
  ],

  ['a frame that was not posted', () => bump('camera:/gate', 'posted'), /posted is 7, the others 6/],
  ['a frame that does not wait', () => bump('camera:/gate', 'waiting'), /waiting is 4, counted 3/],
  ['a frame that does not run', () => bump('camera:/gate', 'processing'), /processing is 2, counted 1/],
  ['images of a camera', () => bump('camera:/gate', 'blobBytes'), /blobBytes is/],
  ['results of a camera', () => bump('camera:/gate', 'resultBytes'), /camera \/gate: resultBytes is/],
  ['a frame that is in no lane', () => raw.lpop(hand.key('lane:camera:/gate')), /in its lane are/],
  [
    'a result of a camera that is gone',
    async () => {
      const [last] = await raw.xrevrange(hand.key('frames:/gate'), '+', '-', 'COUNT', 1);
      await raw.xdel(hand.key('frames:/gate'), last![0]);
    },
    /results \d+ to \d+ of/,
  ],
  ['a camera that is not listed', () => raw.zrem(hand.key('cameras'), '/gate'), /listed at null/],
  ['a camera that is listed and not there', () => raw.zadd(hand.key('cameras'), 1, '/nobody'), /listed and not there/],
  ['a camera nobody will look at', () => due('camera-/gate'), /camera \/gate is not due/],
  [
    'frames of no camera',
    () => raw.rpush(hand.key('lane:camera:/nobody'), 'x'),
    /lane:camera:\/nobody belongs to nothing/,
  ],
];

describe('a recount', () => {
  it('finds nothing wrong where nothing is', async () => {
    expect(await recount(redis.url, hand.prefix)).toMatchObject({
      problems: [],
      jobs: { succeeded: 2, failed: 1, processing: 3, queued: 4 },
    });
  });

  it.each(DAMAGES)('finds %s', async (_, damage, words) => {
    await raw.flushall();
    for (const [key, value] of whole) await raw.restore(key, 0, value);
    await damage();
    const { problems } = await recount(redis.url, hand.prefix);
    expect(problems.join('\n')).toMatch(words);
  });
});
