import { audit } from '@facequeue/audit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inlineItem, ScriptHarness } from '../testing/script-harness.ts';
import { raw, redis, useScripts } from '../testing/scripts-on-redis.ts';

useScripts();

type Queue = 'interactive' | 'bulk' | 'cameras';
const QUEUES: readonly Queue[] = ['interactive', 'bulk', 'cameras'];

/** An installation by scripts alone, with lists in place of BullMQ: what was added first is delivered first. */
class Installation {
  readonly by: ScriptHarness;
  readonly deliveries: Record<Queue, string[]> = { interactive: [], bulk: [], cameras: [] };
  #count = 0;

  constructor(prefix: string) {
    this.by = new ScriptHarness(raw, prefix);
  }

  /** A single job. @returns its id, which names its flow */
  async submit(flow: string, queue: 'interactive' | 'bulk' = 'interactive', startTimeoutMs = 600_000): Promise<string> {
    const id = this.#newId(flow);
    expect((await this.by.submit(id, { queue, owner: 'o', flow, startTimeoutMs }))[0]).toBe('ok');
    this.deliveries[queue].push(this.by.deliveryOf(id));
    return id;
  }

  /** @returns ids of the items' jobs are known only when they are claimed */
  async append(batch: string, flow: string, items: number): Promise<void> {
    if (!(await raw.exists(this.by.key(`batch:${batch}`)))) await this.by.create(batch, { open: true, flow });
    const { tokens } = await this.by.append(
      batch,
      Array.from({ length: items }, () => inlineItem(null)),
    );
    this.deliveries.bulk.push(...tokens);
  }

  async post(camera: string, flow: string, keep: 'latest' | 'all' = 'all'): Promise<string> {
    const id = this.#newId(flow);
    const reply = await this.by.frame(id, camera, { keep, flow });
    expect(reply[0]).toBe('ok');
    this.deliveries.cameras.push(...(reply.slice(3) as string[]));
    return id;
  }

  /** Delivers what BullMQ lists first. @returns the job claimed, null for none */
  async claimNext(queue: Queue): Promise<{ id: string; flow: string; attempt: number } | null> {
    const delivery = this.deliveries[queue].shift()!;
    const { job, tokens } = await this.by.claim(delivery);
    this.deliveries[queue].push(...tokens);
    // A worker of 0.1.0, if it were delivered to that again, would look up a token, and take any other delivery for the id of its job.
    const token = delivery.startsWith('turn-');
    const found = token ? (await raw.hget(this.by.key('turns'), delivery))?.split(' ')[1] : delivery;
    if (job) expect(found).toBe(job.id);
    return job;
  }

  /** Runs jobs until BullMQ lists nothing. @returns flows, in the sequence in which they were served */
  async run(queue: Queue, most = Number.POSITIVE_INFINITY): Promise<string[]> {
    const served: string[] = [];
    while (this.deliveries[queue].length > 0 && served.length < most) {
      const job = await this.claimNext(queue);
      if (!job) continue;
      served.push(job.flow);
      expect(await this.by.finish(job.id, job.attempt)).toBe(true);
    }
    return served;
  }

  async audit(): Promise<string[]> {
    return (await audit(redis.url, this.by.prefix)).findings.map(({ text }) => text);
  }

  #newId(flow: string): string {
    this.#count += 1;
    // Ids in the sequence in which they were made, as UUIDv7 are.
    return `${String(this.#count).padStart(6, '0')}-${flow}`;
  }
}

let nth = 0;
const installation = () => new Installation(`{fq-flows-${nth++}}`);
const countOf = (flows: readonly string[], flow: string) => flows.filter((each) => each === flow).length;

describe('flows', () => {
  it('are served in turn while several wait, each in the sequence of its submissions', async () => {
    const fq = installation();
    for (let i = 0; i < 6; i++) await fq.submit('a');
    for (let i = 0; i < 3; i++) await fq.submit('b');
    const ids: string[] = [];
    for (let i = 0; i < 9; i++) ids.push((await fq.claimNext('interactive'))!.id);
    expect(ids.map((id) => id.slice(-1)).join('')).toBe('abababaaa');
    for (const flow of ['a', 'b']) {
      const own = ids.filter((id) => id.endsWith(flow));
      expect(own).toEqual(own.toSorted());
    }
    expect(await fq.audit()).toEqual([]);
  });

  it('have jobs that a worker of 0.1.0 finds when they are delivered to it again', async () => {
    const fq = installation();
    // The first one, for which nothing waited, is delivered by its id; it comes first though it is not its flow's turn.
    for (const flow of ['z', 'a', 'b', 'z', 'a']) await fq.submit(flow, 'bulk');
    await fq.append('of-c', 'c', 2);
    // `claimNext` checks which job each delivery is for.
    expect((await fq.run('bulk')).join('')).toBe('zabcacz');
    expect(await fq.audit()).toEqual([]);
  });

  it('have jobs that a worker of 0.1.0 finds also if a later delivery overtakes one by an id', async () => {
    const fq = installation();
    for (const flow of ['a', 'b']) await fq.submit(flow);
    fq.deliveries.interactive.reverse();
    const claims = [];
    for (let i = 0; i < 3; i++) claims.push((await fq.claimNext('interactive'))?.flow);
    expect(claims).toEqual(['a', undefined, 'b']);
    expect(await fq.audit()).toEqual([]);
  });

  it.each(QUEUES)('do not let a job of another wait for more than one of theirs: %s', async (queue) => {
    const fq = installation();
    const add = async (flow: string, count: number) => {
      if (queue === 'interactive') for (let i = 0; i < count; i++) await fq.submit(flow);
      if (queue === 'bulk') await fq.append(`of-${flow}`, flow, count);
      if (queue === 'cameras') for (let i = 0; i < count; i++) await fq.post(`of-${flow}`, flow);
    };
    await add('flood', 400);
    for (let i = 0; i < 5; i++) {
      await fq.run(queue, 10);
      await add('small', 1);
      expect(await fq.run(queue, 2)).toContain('small');
    }
    expect(await fq.audit()).toEqual([]);
  });

  it.each(['a', 'z'])(
    'that are alone are in no list of turns, until a job of %s waits, and again after it',
    async (other) => {
      const fq = installation();
      const lists = () =>
        Promise.all(['flows:interactive', 'lanes:interactive:m'].map((key) => raw.exists(fq.by.key(key))));
      for (let i = 0; i < 6; i++) await fq.submit('m');
      expect(await lists()).toEqual([0, 0]);
      expect(await fq.run('interactive', 1)).toEqual(['m']);
      await fq.submit(other);
      expect(await lists()).toEqual([1, 1]);
      expect(await fq.run('interactive', 2)).toContain(other);
      // A job that was passed over waits for the delivery of the other one.
      for (let i = 0; i < 3; i++) await fq.submit('m');
      expect(await fq.run('interactive', 6)).toEqual(Array(6).fill('m'));
      expect(await lists()).toEqual([0, 0]);
      expect(await fq.audit()).toEqual([]);
      expect(await fq.run('interactive')).toEqual(['m']);
    },
  );

  it('that are alone are named no longer than something of them waits', async () => {
    const fq = installation();
    const named = () => raw.hget(fq.by.key('stats'), 'alone:interactive');
    for (const other of ['a', 'b']) {
      await fq.submit(other);
      expect(await named()).toBe(other);
      await fq.claimNext('interactive');
    }
    const canceled = await fq.submit('c');
    await fq.by.cancel(canceled);
    expect(await named()).toBeNull();
    await fq.submit('d');
    await fq.by.sweep();
    expect(await named()).toBe('d');
    await fq.claimNext('interactive'); // of the canceled one
    await fq.claimNext('interactive');
    await fq.by.sweep();
    expect(await named()).toBeNull();
  });

  it.each([
    ['a', 1, 10],
    ['z', 1, 10],
    ['a', 3, 15],
  ])(
    'keep their turns beside a job of %s with weight %d that comes back as often as it is served',
    async (other, weight, most) => {
      const fq = installation();
      await raw.hset(fq.by.key('weights'), other, weight);
      for (let i = 0; i < 40; i++) await fq.submit('m');
      await fq.run('interactive', 1);
      const served: string[] = [];
      let waits = false;
      for (let i = 0; i < 20; i++) {
        if (!waits) await fq.submit(other);
        const [flow] = await fq.run('interactive', 1);
        served.push(flow!);
        waits = flow !== other;
      }
      expect(countOf(served, other)).toBe(most);
      expect(await fq.audit()).toEqual([]);
    },
  );

  it('that are alone lose what a worker of another release leaves of the jobs it has claimed', async () => {
    const fq = installation();
    const { by } = fq;
    const ids = [await fq.submit('a'), await fq.submit('a'), await fq.submit('a')];
    const left = () => raw.zrange(by.key('lane:jobs:interactive:a'), '0', '-1');
    // As that worker's claim: it knows no lanes.
    await raw.hset(by.key(`job:${ids[0]}`), 'attempts', 1);
    await by.sweep();
    expect(await left()).toEqual(ids.slice(1));
    await raw.hset(by.key('workers'), 'old', `${Date.now()} {}`);
    await by.sweep();
    await raw.hset(by.key(`job:${ids[2]}`), 'attempts', 1);
    await raw.hdel(by.key('workers'), 'old');
    await by.sweep();
    expect(await left()).toEqual([ids[1]]);
    expect(await fq.audit()).toEqual([]);
  });

  it('are not alone with single jobs beside a batch of theirs, nor because turns are off meanwhile', async () => {
    const fq = installation();
    for (let i = 0; i < 4; i++) await fq.submit('a', 'bulk');
    await fq.append('own', 'a', 20);
    expect(await fq.run('bulk', 3)).toEqual(['a', 'a', 'a']);
    expect(await raw.zrange(fq.by.key('lanes:bulk:a'), '0', '-1')).toEqual(['batch:own', 'jobs']);
    for (const flow of ['a', 'a', 'a', 'b']) await fq.submit(flow);
    await raw.hset(fq.by.key('stats'), 'unfair', 1);
    expect(await fq.run('interactive', 2)).toEqual(['a', 'a']);
    await raw.hdel(fq.by.key('stats'), 'unfair');
    expect(await raw.zrange(fq.by.key('flows:interactive'), '0', '-1')).toEqual(['b', 'a']);
    expect(await fq.audit()).toEqual([]);
  });

  it('that are alone share bulk with batches that come later, their own too', async () => {
    const fq = installation();
    for (let i = 0; i < 60; i++) await fq.submit('a', 'bulk');
    expect(await fq.run('bulk', 10)).toEqual(Array(10).fill('a'));
    await fq.append('own', 'a', 40);
    await fq.append('other', 'b', 40);
    const served = await fq.run('bulk', 40);
    expect(countOf(served, 'b')).toBe(20);
    expect(await raw.llen(fq.by.key('lane:batch:own'))).toBe(30);
    expect(await fq.audit()).toEqual([]);
    expect(await fq.run('bulk')).toHaveLength(90);
    expect(await fq.audit()).toEqual([]);
  });

  it('share single jobs and batches of bulk, and the batches and jobs of one flow its share', async () => {
    const fq = installation();
    await fq.append('big', 'a', 200);
    await fq.append('second', 'a', 200);
    for (let i = 0; i < 30; i++) await fq.submit('a', 'bulk');
    for (let i = 0; i < 60; i++) await fq.submit('b', 'bulk');
    const served = await fq.run('bulk', 90);
    expect(countOf(served, 'b')).toBe(45);
    const left = async (lane: string) => raw.llen(fq.by.key(`lane:batch:${lane}`));
    for (const lane of ['big', 'second']) expect(Math.abs(200 - 15 - (await left(lane)))).toBeLessThanOrEqual(1);
    expect(await fq.audit()).toEqual([]);
    expect(await fq.run('bulk')).toHaveLength(490 - 90);
    expect(await fq.audit()).toEqual([]);
  });

  it('that post only the newest frame of a camera are not passed by because they post often', async () => {
    const fq = installation();
    for (let i = 0; i < 40; i++) await fq.post('flood', 'a');
    const served: string[] = [];
    for (let i = 0; i < 20; i++) {
      for (let j = 0; j < 3; j++) await fq.post('gate', 'z', 'latest');
      served.push(...(await fq.run('cameras', 1)));
    }
    expect(countOf(served, 'z')).toBeGreaterThanOrEqual(9);
  });

  it('have shares in the ratio of their weights at any time while they wait', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(0.5, 1, 2, 3, 10), { minLength: 2, maxLength: 5 }),
        fc.constantFrom('interactive', 'bulk'),
        async (weights, queue) => {
          const fq = installation();
          const flows = weights.map((weight, i) => ({ name: `f${i}`, weight, served: 0 }));
          for (const { name, weight } of flows) if (weight !== 1) await raw.hset(fq.by.key('weights'), name, weight);
          for (let i = 0; i < 30; i++) for (const { name } of flows) await fq.submit(name, queue);
          for (;;) {
            const [name] = await fq.run(queue, 1);
            flows.find((flow) => flow.name === name)!.served += 1;
            if (flows.some(({ served }) => served === 30)) break;
            // The bound of self-clocked fair queueing.
            for (const a of flows)
              for (const b of flows)
                expect(Math.abs(a.served / a.weight - b.served / b.weight)).toBeLessThanOrEqual(
                  1 / a.weight + 1 / b.weight + 1e-9,
                );
          }
        },
      ),
      { numRuns: 12 },
    ));

  const flow = fc.constantFrom('a', 'b', 'c');
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('submit' as const),
        flow,
        queue: fc.constantFrom('interactive', 'bulk'),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('submit overdue' as const),
        flow,
        queue: fc.constantFrom('interactive', 'bulk'),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('append' as const),
        flow,
        batch: fc.nat(1),
        items: fc.integer({ min: 1, max: 12 }),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constant('post' as const), flow, keep: fc.constantFrom('latest', 'all') }),
    },
    {
      weight: 10,
      arbitrary: fc.record({
        kind: fc.constant('claim' as const),
        queue: fc.constantFrom(...QUEUES),
        ends: fc.boolean(),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constantFrom('finish' as const, 'cancel' as const), which: fc.nat(50) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('stop' as const), flow, batch: fc.nat(1) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('another release' as const, 'this release' as const) }) },
  );

  it('lose nothing, run nothing twice and need no sweep, in any sequence of events', { timeout: 120_000 }, () =>
    fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 90, size: 'max' }), async (steps) => {
        const fq = installation();
        const { by } = fq;
        const active: { id: string; attempt: number }[] = [];
        const jobs: string[] = [];
        const runs = new Set<string>();
        const claim = async (queue: Queue) => {
          if (fq.deliveries[queue].length === 0) return null;
          const job = await fq.claimNext(queue);
          if (!job) return null;
          expect(job.attempt).toBe(1);
          expect(runs.has(job.id)).toBe(false);
          runs.add(job.id);
          return job;
        };
        for (const now of steps) {
          if (now.kind === 'submit') jobs.push(await fq.submit(now.flow, now.queue as 'bulk'));
          else if (now.kind === 'submit overdue') await fq.submit(now.flow, now.queue as 'bulk', 0);
          else if (now.kind === 'append') {
            const batch = `${now.flow}${now.batch}`;
            if (!(await raw.hexists(by.key(`batch:${batch}`), 'stopped'))) await fq.append(batch, now.flow, now.items);
          } else if (now.kind === 'post') jobs.push(await fq.post(`of-${now.flow}`, now.flow, now.keep as 'all'));
          else if (now.kind === 'claim') {
            const job = await claim(now.queue);
            if (job && now.ends) await by.finish(job.id, job.attempt);
            else if (job) active.push(job);
          } else if (now.kind === 'finish') {
            const [job] = active.splice(now.which % Math.max(1, active.length), 1);
            if (job) await by.finish(job.id, job.attempt);
          } else if (now.kind === 'cancel') {
            if (jobs.length > 0) await by.cancel(jobs[now.which % jobs.length]!);
          } else if (now.kind === 'stop') {
            await by.stop(`${now.flow}${now.batch}`, 'cancel');
          } else {
            if (now.kind === 'another release') await by.raw.hset(by.key('workers'), 'old', `${Date.now()} {}`);
            else await by.raw.hdel(by.key('workers'), 'old');
            const lost = await by.sweep();
            // Nothing is in BullMQ here: the harness keeps the lists.
            const all = new Set(Object.values(fq.deliveries).flat());
            const queueOf = async (id: string) => {
              const bound = (await by.raw.hget(by.key('turns'), id))?.split(' ')[1] ?? id;
              return ((await by.raw.hget(by.key(`job:${bound}`), 'queue')) ?? 'bulk') as Queue;
            };
            for (const id of lost) if (!all.has(id)) fq.deliveries[await queueOf(id)].push(id);
          }
        }
        expect(await fq.audit()).toEqual([]);
        for (const { id, attempt } of active) await by.finish(id, attempt);
        for (const queue of QUEUES)
          while (fq.deliveries[queue].length > 0) {
            const job = await claim(queue);
            if (job) expect(await by.finish(job.id, job.attempt)).toBe(true);
          }
        const { jobs: byStatus, findings, keys } = await audit(redis.url, by.prefix);
        expect(findings).toEqual([]);
        expect(byStatus['queued'] ?? 0).toBe(0);
        expect(await raw.hlen(by.key('turns'))).toBe(0);
        expect(keys.filter((key) => /:(flows|lanes|lane):/.test(key))).toEqual([]);
      }),
      { numRuns: 60 },
    ),
  );
});
