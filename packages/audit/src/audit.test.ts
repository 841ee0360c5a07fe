import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRedis, type TestRedis } from '../../../test/support/redis/test-redis.ts';
import { badItem, inlineItem, ScriptHarness, urlItem } from '../../queue/src/testing/script-harness.ts';
import { audit } from './audit.ts';

let redis: TestRedis;
let raw: Redis;
let hand: ScriptHarness;
/** Every key and value of the installation as it was made. */
let whole: Map<string, Buffer>;

beforeAll(async () => {
  redis = await startRedis();
  raw = new Redis(redis.url);
  hand = new ScriptHarness(raw, `{fq-${randomUUID()}}`);
  await furnish(hand);
  whole = new Map();
  for (const key of await raw.keys('*')) whole.set(key, (await raw.dumpBuffer(key))!);
});
afterAll(async () => {
  raw.disconnect();
  await redis.stop();
});

/** One of each: what waits, what is in hand and what has ended of jobs, batches and cameras. */
async function furnish(by: ScriptHarness): Promise<void> {
  const webhook = { webhookUrl: 'https://a.example/', webhookHost: 'a.example' };
  await by.submit('told', { idempotencyKey: 'key', fingerprint: 'print', ...webhook });
  await by.claim('told');
  await by.finish('told', 1);
  await by.submit('runs', { queue: 'interactive' });
  await by.claim('runs');
  await by.start('runs', 1);

  // Not a name in it twice, fifteen items: a bad one, one that has ended, one claimed, one running, eleven that wait.
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

  // Six frames: two have ended, one is claimed, one runs, two wait.
  for (let i = 0; i < 6; i++) await by.frame(`frame${i}`, 'gate', { keep: 'all' });
  for (let i = 0; i < 4; i++) {
    const [token] = await by.tokensOf('camera:/gate');
    await by.claim(token!);
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
    'a queued job missing from the waiting',
    () => raw.zrem(hand.key('waiting:cameras'), 'frame4'),
    /job frame4: queued, its place among the waiting is none, expected cameras/,
  ],
  [
    'a running job among the waiting',
    () => raw.zadd(hand.key('waiting:interactive'), 1, 'runs'),
    /job runs: processing, its place among the waiting is interactive, expected none/,
  ],
  [
    'a waiting job without a record',
    () => raw.zadd(hand.key('waiting:bulk'), 1, 'nobody'),
    /job nobody: waiting in bulk, recorded is no, expected yes/,
  ],
  ['a job the sweep will not visit', () => due('runs'), /job runs: scheduled for the sweep is no, expected yes/],
  [
    'a scheduled name without a record',
    () => raw.zadd(hand.key('due'), 1, 'nobody'),
    /schedule nobody: scheduled for the sweep, recorded is no, expected yes/,
  ],
  ['a missing image', () => raw.del(hand.key('blob:runs')), /job runs: size of its image is 0, expected 3/],
  [
    'an image without a job',
    () => raw.set(hand.key('blob:nobody'), 'x'),
    /blob:nobody: belongs to something is no, expected yes/,
  ],
  ['a missing result', () => raw.hdel(hand.key('job:told'), 'result'), /job told: size of its result is 0, expected 6/],
  [
    'an ended job without a time',
    () => raw.hdel(hand.key('job:told'), 'finishedAt'),
    /job told: succeeded, ended is no, expected yes/,
  ],
  [
    'a missing reservation',
    () => raw.del(hand.key('idem:key')),
    /job told: reservation of the idempotency key key is no, expected yes/,
  ],
  [
    'a reservation no record names',
    () => raw.set(hand.key('idem:other'), 'told x'),
    /reservation other: job is told, expected none/,
  ],
  [
    'a wrong count of running jobs',
    () => bump('stats', 'processing:interactive'),
    /stats.processing:interactive: count is 2, expected 1/,
  ],
  [
    'a missing count of running jobs',
    () => raw.hdel(hand.key('stats'), 'processing:interactive'),
    /: count is 0, expected 1/,
  ],
  ['a wrong sum of image bytes', () => bump('stats', 'blobBytes'), /stats.blobBytes: bytes is/],
  ['a wrong sum of result bytes', () => bump('stats', 'resultBytes'), /stats.resultBytes: bytes is/],
  [
    'a pending webhook without a delivery',
    () => raw.del(hand.key('delivery:told')),
    /job told: webhook yet to deliver is no, expected yes/,
  ],
  [
    'a wrong sum of webhook bytes',
    () => bump('stats', 'deliveryBytes:b.example'),
    /stats.deliveryBytes:b.example: bytes is/,
  ],
  [
    'a pending webhook of a batch without a delivery',
    () => raw.del(hand.key('delivery:finished')),
    /batch finished: webhook pending, to deliver is no, expected yes/,
  ],

  ['a wrong total of a batch', () => bump('batch:open', 'total'), /batch open: total is 16, expected 15/],
  ['a wrong count of ended items', () => bump('batch:open', 'ended'), /batch open: ended is 3, expected 2/],
  ['a wrong count of succeeded items', () => bump('batch:open', 'succeeded'), /batch open: succeeded is 2, expected 1/],
  ['a wrong count of queued items', () => bump('batch:open', 'queued'), /batch open: queued is 13, expected 12/],
  ['a wrong count of running items', () => bump('batch:open', 'processing'), /batch open: processing is 2, expected 1/],
  [
    'a missing result of a batch',
    () => raw.xdel(hand.key('results:open'), '1-0'),
    /batch open: results listed is 1, expected 2\nbatch open: results listed in order is no/,
  ],
  ['a lost item', () => raw.lpop(hand.key('lane:batch:open')), /batch open: queued is 12, expected 11/],
  [
    'a duplicate item',
    async () => raw.rpush(hand.key('lane:batch:open'), await first('lane:batch:open')),
    /batch open: items it has twice is \S+, expected none/,
  ],
  [
    'an active item its batch does not list',
    async () => raw.srem(hand.key('active:open'), await anItem()),
    /batch open: list of active jobs is/,
  ],
  [
    'a record of an ended item',
    async () => raw.hset(hand.key(`job:${await anItem()}`), 'status', 'failed'),
    /item of a batch and failed, live is no, expected yes/,
  ],
  ['a wrong count of pending items', () => bump('stats', 'items'), /stats.items: count is 14, expected 13/],
  [
    'a missing image of a pending item',
    async () => raw.del(hand.key(`blob:${JSON.parse((await raw.lindex(hand.key('lane:batch:open'), 0)) ?? '').j}`)),
    /pending item, size of its image is 0, expected/,
  ],
  ['a missing name', () => raw.srem(hand.key('names:open'), 'n3'), /batch open: nameBytes is/],
  ['a wrong charge', () => bump('batch:open', 'resultBytes'), /batch open: resultBytes is/],
  [
    'a batch the sweep will not visit',
    () => due('batch-open'),
    /batch open: scheduled for the sweep is no, expected yes/,
  ],
  [
    'results without a batch',
    () => raw.xadd(hand.key('results:nobody'), '*', 'a', 'b'),
    /results:nobody: belongs to something is no, expected yes/,
  ],
  [
    'a complete batch that is not finished',
    () => raw.hdel(hand.key('batch:finished'), 'finishedAt', 'expiresAt'),
    /batch finished: finished is no, expected yes/,
  ],
  [
    'a finished batch in state running',
    () => raw.hset(hand.key('batch:finished'), 'state', 'running'),
    /batch finished: state is running, expected finished/,
  ],
  [
    'a pending listing without a task',
    () => raw.zrem(hand.key('tasks'), 'list listed'),
    /batch listed: listing waiting, has a task is no, expected yes/,
  ],
  [
    'a pending output without a task',
    () => raw.zrem(hand.key('tasks'), 'write written'),
    /batch written: output waiting, has a task is no, expected yes/,
  ],
  [
    'a task without a batch',
    () => raw.zadd(hand.key('tasks'), 1, 'list nobody'),
    /schedule list nobody: task of a batch that is recorded is no, expected yes/,
  ],
  [
    'a closed batch that keeps names',
    () => raw.sadd(hand.key('names:finished'), 'x'),
    /batch finished: closed, names kept is 1, expected 0/,
  ],

  [
    'a lost token',
    async () => raw.hdel(hand.key('turns'), (await hand.tokensOf('batch:open'))[0]!),
    /lane batch:open: stored number of free tokens is 8, expected 7/,
  ],
  [
    'a surplus token',
    () => raw.hset(hand.key('turns'), 'token-99', 'batch:open'),
    /lane batch:open: free tokens is 9, expected 8 at most/,
  ],
  [
    'a token the sweep will not visit',
    async () => due((await hand.tokensOf('batch:open'))[0]!),
    /token token-\d+: of batch:open, scheduled for the sweep is no, expected yes/,
  ],
  [
    'too few tokens',
    async () => {
      const [token = ''] = await hand.tokensOf('camera:/gate');
      await raw.hdel(hand.key('turns'), token);
      await due(token);
      await raw.hset(hand.key('camera:/gate'), 'turns', 0);
    },
    /lane camera:\/gate: 2 waiting, free tokens is 0, expected 1/,
  ],
  [
    'a token used for a job without a record',
    () => raw.hset(hand.key('turns'), 'token-99', 'batch:open nobody'),
    /token token-99: used for nobody, whose delivery id is none, expected token-99/,
  ],
  [
    'a job whose token is gone',
    async () => raw.hdel(hand.key('turns'), await boundTurn('frame2')),
    /job frame2: came by token-\d+, which is used for is none, expected frame2/,
  ],

  ['a wrong count of posted frames', () => bump('camera:/gate', 'posted'), /camera \/gate: posted is 7, expected 6/],
  ['a wrong count of waiting frames', () => bump('camera:/gate', 'waiting'), /camera \/gate: waiting is 4, expected 3/],
  [
    'a wrong count of running frames',
    () => bump('camera:/gate', 'processing'),
    /camera \/gate: processing is 2, expected 1/,
  ],
  ['a wrong sum of image bytes of a camera', () => bump('camera:/gate', 'blobBytes'), /camera \/gate: blobBytes is/],
  [
    'a wrong sum of result bytes of a camera',
    () => bump('camera:/gate', 'resultBytes'),
    /camera \/gate: resultBytes is/,
  ],
  ['a waiting frame in no lane', () => raw.lpop(hand.key('lane:camera:/gate')), /camera \/gate: frames in its lane is/],
  [
    'a missing result of a camera',
    async () => {
      const [last] = await raw.xrevrange(hand.key('frames:/gate'), '+', '-', 'COUNT', 1);
      await raw.xdel(hand.key('frames:/gate'), last![0]);
    },
    /camera \/gate: kept results \(of (\d+)\) is \d+ to \d+, expected \1 to \1/,
  ],
  [
    'a camera missing from the list',
    () => raw.zrem(hand.key('cameras'), '/gate'),
    /camera \/gate: place in the list of cameras is none, expected/,
  ],
  [
    'a listed camera without a record',
    () => raw.zadd(hand.key('cameras'), 1, '/nobody'),
    /camera \/nobody: listed, recorded is no, expected yes/,
  ],
  [
    'a camera the sweep will not visit',
    () => due('camera-/gate'),
    /camera \/gate: scheduled for the sweep is no, expected yes/,
  ],
  [
    'frames without a camera',
    () => raw.rpush(hand.key('lane:camera:/nobody'), 'x'),
    /lane:camera:\/nobody: belongs to something is no, expected yes/,
  ],
];

describe('an audit', () => {
  it('finds nothing on a sound installation', async () => {
    expect(await audit(redis.url, hand.prefix)).toMatchObject({
      findings: [],
      jobs: { succeeded: 2, failed: 1, processing: 3, queued: 4 },
    });
  });

  it.each(DAMAGES)('finds %s', async (_, damage, text) => {
    await raw.flushall();
    for (const [key, value] of whole) await raw.restore(key, 0, value);
    await damage();
    const { findings } = await audit(redis.url, hand.prefix);
    expect(findings.map(({ text }) => text).join('\n')).toMatch(text);
  });
});
