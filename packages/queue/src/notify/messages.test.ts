/** What scripts publish, by call: workers, waits and subscriptions learn of changes only by it, or seconds later by reading again. */
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { endTaskScript } from '../batch/tasks.ts';
import { sweepScript } from '../sweep/sweeper.ts';
import { LONG } from '../testing/rig.ts';
import { badItem, urlItem } from '../testing/script-harness.ts';
import { by, raw, redis, useScripts } from '../testing/scripts-on-redis.ts';

useScripts();
let subscriber: Redis;
beforeAll(() => {
  subscriber = new Redis(redis.url);
});
beforeEach(async () => {
  await subscriber.punsubscribe();
  await subscriber.psubscribe(by.key('*'));
});
afterAll(() => subscriber.disconnect());

/** "<channel> <message>" of all that is published during a call, each once, sorted. */
async function published(call: () => Promise<unknown>): Promise<string[]> {
  const heard = new Set<string>();
  const all = Promise.withResolvers<void>();
  const hear = (_: string, channel: string, message: string) => {
    const name = channel.slice(by.prefix.length + 1);
    // Messages keep their order: what the call has published came before.
    if (name === 'end of the call') all.resolve();
    else heard.add(`${name} ${message}`);
  };
  subscriber.on('pmessage', hear);
  await call();
  await raw.publish(by.key('end of the call'), '');
  await all.promise;
  subscriber.off('pmessage', hear);
  return [...heard].sort();
}

const claim = async (deliveryId: string) => (await by.claim(deliveryId)).job!;
const sweep = () => by.scripts.run(sweepScript, { max: 1000 });
async function overdue(id: string): Promise<void> {
  await raw.hset(by.key(`job:${id}`), 'expiresAt', 1);
  await by.hurry(id);
}

describe('a job', () => {
  it('is announced when it starts, is requeued and ends', async () => {
    expect(await published(() => by.submit('j'))).toEqual([]);
    expect(await published(() => by.claim('j'))).toEqual([]);
    expect(await published(() => by.start('j', 1))).toEqual(['changed j']);
    expect(await published(() => by.release('j', 1))).toEqual(['changed j']);
    await by.claim('j');
    await by.start('j', 2);
    await by.hurry('j');
    expect(await published(sweep)).toEqual(['changed j']);
    expect(await published(() => by.finish('j', 2))).toEqual(['ended j succeeded']);
    expect(await published(() => by.cancel('j'))).toEqual([]);
  });

  it('that a worker finishes is not announced as canceled', async () => {
    for (const [id, status] of [
      ['a', 'succeeded'],
      ['b', 'failed'],
    ] as const) {
      await by.submit(id);
      await by.claim(id);
      expect(await published(() => by.finish(id, 1, status))).toEqual([`ended ${id} ${status}`]);
    }
    await by.submit('c');
    await by.claim('c');
    await by.lock('bulk', 'c', 'of another');
    expect(await published(() => by.claim('c', 1))).toEqual(['ended c failed']);
  });

  it('that ends without its worker is announced to the worker, if it has one', async () => {
    for (const claimed of [false, true]) {
      const expected = (id: string, status: string) => [...(claimed ? [`cancel ${id}`] : []), `ended ${id} ${status}`];
      const given = async (id: string) => {
        await by.submit(`${id}${claimed}`);
        if (claimed) await by.claim(`${id}${claimed}`);
        return `${id}${claimed}`;
      };
      const canceled = await given('canceled');
      expect(await published(() => by.cancel(canceled))).toEqual(expected(canceled, 'canceled'));
      const erased = await given('erased');
      expect(await published(() => by.erase(erased, 'o'))).toEqual(expected(erased, 'canceled'));
      const late = await given('late');
      await overdue(late);
      expect(await published(sweep)).toEqual(expected(late, 'expired'));
    }
  });

  it('with a webhook announces the webhook at its end', async () => {
    await by.submit('j', { webhookUrl: 'https://a.example/', webhookHost: 'a.example' });
    expect(await published(() => by.cancel('j'))).toEqual(['delivery j', 'ended j canceled']);
  });
});

describe('an item of a batch', () => {
  it('is announced with its batch when it starts, is requeued and ends', async () => {
    await by.create('b', { open: true });
    await by.settle('b');
    const { tokens } = await by.append('b', [urlItem(null), urlItem(null), urlItem(null)]);
    const [one, two, three] = [await claim(tokens[0]!), await claim(tokens[1]!), await claim(tokens[2]!)];
    expect(await published(() => by.start(one.id, 1))).toEqual([`changed ${one.id}`, 'changed b']);
    expect(await published(() => by.release(one.id, 1))).toEqual([`changed ${one.id}`, 'changed b']);
    expect(await published(() => by.cancel(one.id))).toEqual(['changed b']);
    expect(await published(() => by.finish(two.id, 1))).toEqual(['changed b']);
    expect(await published(() => by.cancel(three.id))).toEqual([`cancel ${three.id}`, 'changed b']);
  });
});

describe('a batch', () => {
  it('is announced when it gets items, is closed and is canceled', async () => {
    for (const id of ['a', 'b']) {
      expect(await published(() => by.create(id, { open: true }))).toEqual([]);
      await by.settle(id);
      const given = [urlItem('x'), urlItem('y'), urlItem('z'), badItem('bad')];
      expect(await published(() => by.append(id, given))).toEqual([`changed ${id}`]);
    }
    expect(await published(() => by.close('a'))).toEqual(['changed a']);
    expect(await published(() => by.close('a'))).toEqual([]);
    expect(await published(() => by.stop('b', 'cancel', 1))).toEqual(['changed b']);
    expect(await published(() => by.cancelRemaining('b', 1))).toEqual(['changed b']);
    expect(await published(() => by.cancelRemaining('b', 1))).toEqual(['changed b']);
    expect(await published(() => by.cancelRemaining('b', 1))).toEqual([]);
  });

  it('is announced when the sweep gives it up', async () => {
    await by.create('b');
    await raw.hset(by.key('batch:b'), 'lastAppend', 1);
    await by.hurry('batch-b');
    expect(await published(sweep)).toEqual(['changed b']);
  });

  it('with a webhook announces the webhook at its end', async () => {
    await by.create('b', { webhookHost: 'a.example' });
    expect(await published(() => by.settle('b'))).toEqual(['changed b', 'delivery b']);
  });
});

describe('a task of a batch', () => {
  const end = (kind: string, how: string, delayMs = 0) =>
    by.scripts.run(endTaskScript, { kind, id: 'b', lease: 1, how, delayMs, errorCode: 'x', errorDetail: 'y' });

  it('is announced when it becomes due, and its batch when it is leased and when it ends', async () => {
    await by.create('b', { listing: true, open: true });
    expect(await published(() => by.settle('b'))).toEqual(['task b']);
    expect(await published(() => by.leaseTask())).toEqual(['changed b']);
    expect(await published(() => end('list', 'done'))).toEqual(['changed b']);
  });

  it('that is released is announced as due only when it may be leased at once', async () => {
    await by.create('b', { output: true });
    expect(await published(() => by.settle('b'))).toEqual(['changed b', 'task b']);
    await by.leaseTask();
    expect(await published(() => end('write', 'release', LONG))).toEqual(['changed b']);
    await raw.zadd(by.key('tasks'), 1, 'write b');
    await raw.hset(by.key('batch:b'), 'writeLease', 1);
    expect(await published(() => end('write', 'release'))).toEqual(['changed b', 'task b']);
  });
});

describe('a frame', () => {
  it('is announced when it starts and ends, and its camera when there is a result', async () => {
    const [, , , token] = (await by.frame('f', 'gate')) as [string, number, number, string];
    await by.claim(token);
    expect(await published(() => by.start('f', 1))).toEqual(['changed f']);
    expect(await published(() => by.finish('f', 1))).toEqual(['changed camera:/gate', 'ended f succeeded']);
    await by.frame('g', 'gate');
    expect(await published(() => by.frame('h', 'gate'))).toEqual(['ended g canceled']);
  });
});
