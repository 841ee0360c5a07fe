import { itemLine } from '@facequeue/schema/batch-resource';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { runTask } from './run-task.ts';
import { LEASE_MS } from './task.ts';
import {
  askedFor,
  badItems,
  crowd,
  failedWith,
  goodItems,
  leased,
  openTaskHarness,
  outcomesOf,
  type TaskHarness,
} from './testing/task-harness.ts';
import { writeOutput } from './write-output.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

const output = (more = {}) => ({ output: { url: 's3://results/out.ndjson', overwrite: false, ...more } });
const written = ({ s3 }: TaskHarness) => s3.text('results', 'out.ndjson');
const requestedParts = ({ s3 }: TaskHarness) =>
  s3.requests.filter(({ operation }) => operation === 'part').map(({ query }) => Number(query.get('partNumber')));

const never = new AbortController().signal;

/** What GET results answers, as one string. */
async function lines(here: TaskHarness, id: string): Promise<string> {
  return (await here.results(id)).map((result) => `${JSON.stringify(itemLine(result))}\n`).join('');
}

/** Some 23 MB of results in 50 lines: three parts. */
const HUGE = crowd(220);

describe('an output', () => {
  it('has every result, one per line, in order', async () => {
    await using here = await openTaskHarness(redis);
    await here.runItems();
    await here.worker();
    const id = await here.batch(output(), [...goodItems(100), ...badItems(3)]);
    expect(await here.ended(id)).toMatchObject({ status: 'finished', output: { status: 'done', error: null } });
    const text = (await written(here))!;
    expect(text.split('\n')).toHaveLength(104);
    expect(text).toBe(await lines(here, id));
    expect(here.s3.uploads.size).toBe(0);
  });

  it('of a batch without items is empty', async () => {
    await using here = await openTaskHarness(redis);
    await here.worker();
    expect(await here.ended(await here.batch(output()))).toMatchObject({ output: { status: 'done' } });
    expect(await written(here)).toBe('');
  });

  it('is written in parts when it is long', async () => {
    await using here = await openTaskHarness(redis);
    await here.runItems(HUGE);
    await here.worker();
    const id = await here.batch(output(), goodItems(50));
    expect((await here.ended(id)).output).toMatchObject({ status: 'done' });
    expect(requestedParts(here)).toEqual([1, 2, 3]);
    expect((await written(here)) === (await lines(here, id))).toBe(true);
    expect(here.s3.uploads.size).toBe(0);
  });

  it('never overwrites an existing object, and the batch shows the error', async () => {
    await using here = await openTaskHarness(redis);
    await here.s3.put('results', 'out.ndjson', 'precious');
    await here.worker();
    const batch = await here.ended(await here.batch(output(), badItems(1)));
    expect(batch).toMatchObject({ status: 'finished', output: failedWith('conflict', 'already exists') });
    expect(await written(here)).toBe('precious');
  });

  it('overwrites an existing object when asked to', async () => {
    await using here = await openTaskHarness(redis);
    await here.s3.put('results', 'out.ndjson', 'old');
    await here.worker();
    const id = await here.batch(output({ overwrite: true }), badItems(1));
    expect((await here.ended(id)).output).toMatchObject({ status: 'done' });
    expect(await written(here)).toBe(await lines(here, id));
  });
});

/** Does not answer the first request for the second part. */
function hangAtSecondPart({ s3 }: TaskHarness) {
  let hung = false;
  s3.interfere(({ operation, query }) => {
    if (operation !== 'part' || query.get('partNumber') !== '2' || hung) return undefined;
    hung = true;
    return 'hang';
  });
}

describe('an interrupted output', () => {
  it('is resumed by another worker, from the part it had reached', async () => {
    await using here = await openTaskHarness(redis);
    await here.runItems(HUGE);
    const first = await here.worker();
    hangAtSecondPart(here);
    const id = await here.batch(output(), goodItems(50));
    await askedFor(here.s3, 'part', 2);
    await first.close();
    await here.worker();
    expect((await here.ended(id)).output).toMatchObject({ status: 'done' });
    expect(requestedParts(here)).toEqual([1, 2, 2, 3]);
    expect((await written(here)) === (await lines(here, id))).toBe(true);
    expect(here.s3.uploads.size).toBe(0);
  });

  it('that fails for lack of permission leaves neither object nor upload', async () => {
    await using here = await openTaskHarness(redis);
    await here.runItems(HUGE);
    await here.worker();
    here.s3.interfere(({ operation, query }) =>
      operation === 'part' && query.get('partNumber') === '2' ? [403, 'AccessDenied'] : undefined,
    );
    const batch = await here.ended(await here.batch(output(), goodItems(50)));
    expect(batch).toMatchObject({
      status: 'finished',
      counts: { succeeded: 50 },
      output: failedWith('source_forbidden', 'refuses to write'),
    });
    expect(here.s3.uploads.size).toBe(0);
    expect(await written(here)).toBeNull();
  });

  it.each(['cancel', 'erase'] as const)('whose batch gets a %s leaves neither object nor upload', async (act) => {
    await using here = await openTaskHarness(redis);
    await here.runItems(HUGE);
    await here.worker();
    const gate = Promise.withResolvers<undefined>();
    here.s3.interfere(({ query }) => (query.get('partNumber') === '2' ? gate.promise : undefined));
    const id = await here.batch(output(), goodItems(50));
    await askedFor(here.s3, 'part', 2);
    await here.queue.batches[act](id, '');
    gate.resolve(undefined);
    await vi.waitFor(() => expect(here.s3.uploads.size).toBe(0), { timeout: 10_000 });
    expect(await written(here)).toBeNull();
  });

  it('whose batch is erased before its results are read writes nothing', async () => {
    await using here = await openTaskHarness(redis);
    const worker = await here.worker();
    const gate = Promise.withResolvers<undefined>();
    here.s3.interfere(({ operation }) => (operation === 'head' ? gate.promise : undefined));
    const id = await here.batch(output(), badItems(3));
    await askedFor(here.s3, 'head');
    await here.queue.batches.erase(id, '');
    gate.resolve(undefined);
    // The same worker runs another task, so it has ended this one by then.
    const other = await here.batch({ output: { url: 's3://results/other', overwrite: false } });
    expect((await here.ended(other)).output).toMatchObject({ status: 'done' });
    await worker.close();
    expect(await written(here)).toBeNull();
  });

  it('that its worker wrote and did not report is not written again', async () => {
    await using here = await openTaskHarness(redis);
    const id = await here.batch(output(), badItems(3));
    const deps = await here.deps();
    const task = await leased(deps);
    await writeOutput(deps, task).run(never);
    const text = await written(here);
    expect(text).toBe(await lines(here, id));
    await writeOutput(deps, task).run(never);
    expect(here.s3.requests.filter(({ operation }) => operation === 'put')).toHaveLength(1);
    expect(await written(here)).toBe(text);
  });

  it('fails with the reason though its upload cannot be aborted', async () => {
    await using here = await openTaskHarness(redis);
    await here.runItems(HUGE);
    await here.worker();
    here.s3.interfere(({ operation, query }) =>
      operation === 'abort' || (operation === 'part' && query.get('partNumber') === '2')
        ? [403, 'AccessDenied']
        : undefined,
    );
    const batch = await here.ended(await here.batch(output(), goodItems(50)));
    expect(batch.output).toMatchObject(failedWith('source_forbidden', 'refuses to write'));
    expect(here.s3.requests.some(({ operation }) => operation === 'abort')).toBe(true);
  });

  it('fails with the reason though its upload cannot be aborted within 10 s', async () => {
    await using here = await openTaskHarness(redis);
    await here.runItems(HUGE);
    await here.worker();
    here.s3.interfere(({ operation, query }) => {
      if (operation === 'abort') return 'hang';
      return operation === 'part' && query.get('partNumber') === '2' ? [403, 'AccessDenied'] : undefined;
    });
    const limit = new AbortController();
    const timeout = vi.spyOn(AbortSignal, 'timeout').mockReturnValue(limit.signal);
    const id = await here.batch(output(), goodItems(50));
    await askedFor(here.s3, 'abort');
    expect(timeout.mock.calls).toEqual([[10_000]]);
    timeout.mockRestore();
    limit.abort(new DOMException('over', 'TimeoutError'));
    expect((await here.ended(id)).output).toMatchObject(failedWith('source_forbidden', 'refuses to write'));
  });

  it('that a worker completed after it lost its lease is complete', async () => {
    await using here = await openTaskHarness(redis);
    await here.runItems(HUGE);
    const id = await here.batch(output(), goodItems(50));
    const deps = await here.deps();
    const task = await leased(deps);
    const save = vi.spyOn(deps.tasks, 'save');
    await writeOutput(deps, task).run(never);
    const states = save.mock.calls.map(([, state]) => state);
    expect(states).toHaveLength(4);
    // The states in which another worker would find it before the upload, and after the first, second and third part.
    for (const state of ['', ...states.slice(1)]) await writeOutput(deps, { ...task, state }).run(never);
    expect(here.s3.requests.filter(({ operation }) => operation === 'begin')).toHaveLength(1);
    expect((await written(here)) === (await lines(here, id))).toBe(true);
  });
});

describe('a worker whose output another worker has leased since', () => {
  it.each([
    ['completes nothing when its part arrives', undefined],
    ['neither fails the output nor aborts the upload when its own request is refused', [403, 'AccessDenied']],
  ] as const)('%s', async (_, answer) => {
    await using here = await openTaskHarness(redis);
    await here.runItems(HUGE);
    const [old, next] = [await here.deps(), await here.deps()];
    const save = old.tasks.save.bind(old.tasks);
    // Each lease of the old worker lasts as briefly as can be.
    vi.spyOn(old.tasks, 'save').mockImplementation((task, state) => save(task, state, 1));
    const gate = Promise.withResolvers<typeof answer>();
    let delayed = false;
    here.s3.interfere(({ operation, query }) => {
      if (delayed || operation !== 'part' || query.get('partNumber') !== '2') return undefined;
      delayed = true;
      return gate.promise;
    });
    const id = await here.batch(output(), goodItems(50));
    const running = runTask(old, await leased(old, 1), never);
    await askedFor(here.s3, 'part', 2);
    const task = await leased(next);
    expect(JSON.parse(task.state)).toMatchObject({ parts: [expect.any(String)] });
    gate.resolve(answer);
    await running;
    expect(here.s3.uploads.size).toBe(1);
    expect(await written(here)).toBeNull();
    expect((await here.queue.batches.read(id, ''))!.output).toMatchObject({ status: 'running', error: null });
    expect(await next.tasks.lease(LEASE_MS)).toBeNull();
    const { done } = await outcomesOf(old, 'write');
    expect(done).toBeUndefined();

    await runTask(next, task, never);
    expect((await here.ended(id)).output).toMatchObject({ status: 'done' });
    expect(requestedParts(here)).toEqual([1, 2, 2, 3]);
    expect(here.s3.requests.filter(({ operation }) => operation === 'complete')).toHaveLength(1);
    expect((await written(here)) === (await lines(here, id))).toBe(true);
    expect(here.s3.uploads.size).toBe(0);
  });
});
