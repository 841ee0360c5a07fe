import { fork } from 'node:child_process';
import { getEventListeners, once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from '@facequeue/metrics';
import { DEFAULT_DETECTION_OPTIONS } from '@facequeue/schema';
import { decodeResult } from '@facequeue/schema/result-codec';
import { createLogger } from '@facequeue/service';
import { sleep } from '@facequeue/time';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseExposition, seriesValue } from '../../../../test/support/metrics/exposition.ts';
import { Engine } from './engine.ts';
import { engineLauncher } from './launcher.ts';
import { EnginePool } from './pool.ts';
import { restartDelayMs } from './restart-delay.ts';
import type { FaultySettings, Script } from './testing/faulty-engine.ts';

vi.mock('./restart-delay.ts', { spy: true });
/** Delays before the engine starts so far, ms. */
const delays = () => vi.mocked(restartDelayMs).mock.results.map(({ value }) => value);

const FAULTY = new URL('./testing/faulty-engine.ts', import.meta.url).pathname;
const never = new AbortController().signal;
const log = createLogger('worker', 'info', (line) => logged.push(JSON.parse(line)));
const IDS = { job_id: 'job', request_id: 'request' };
let metrics: Registry;
let logged: Record<string, unknown>[];

let folder: string;
const pools: EnginePool[] = [];

beforeEach(() => {
  vi.mocked(restartDelayMs).mockClear();
  metrics = new Registry('worker');
  logged = [];
  folder = mkdtempSync(join(tmpdir(), 'facequeue-engines-'));
});

afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
  rmSync(folder, { recursive: true });
});

const program = (settings: Partial<FaultySettings> = {}) => ({
  module: FAULTY,
  settings: { folder, ...settings },
  env: { PATH: process.env['PATH']! },
  launcher: engineLauncher(),
});

async function start(
  engines: number,
  {
    timeoutMs = 60_000,
    megapixelMs = 0,
    faceMs = 0,
    settings = {},
  }: { timeoutMs?: number; megapixelMs?: number; faceMs?: number; settings?: Partial<FaultySettings> } = {},
): Promise<EnginePool> {
  const limits = { timeLimit: { baseMs: timeoutMs, megapixelMs, maxPixels: 50e6, faceMs }, maxRssBytes: 1e11 };
  const pool = await EnginePool.start(program(settings), limits, engines, log, metrics);
  pools.push(pool);
  return pool;
}

/** Runs one image; resolves to its name as the engine returned it. Its log lines have its name as job id. */
async function run(pool: EnginePool, script: Script, signal = never): Promise<string> {
  using slot = await pool.acquire('interactive', '', signal);
  const ids = { job_id: script.name, request_id: `request of ${script.name}` };
  const bytes = new TextEncoder().encode(JSON.stringify(script));
  const answer = await slot.run({ bytes, options: DEFAULT_DETECTION_OPTIONS }, signal, ids);
  return decodeResult(answer.result).FaceModelVersion;
}

const lines = (file: string) =>
  existsSync(join(folder, file)) ? readFileSync(join(folder, file), 'utf8').trim().split('\n') : [];
/** Engines that started an image of this name, in order. */
const engineOf = (name: string) =>
  lines('images')
    .map((line) => line.split(' '))
    .filter(([image]) => image === name)
    .map(([, pid]) => Number(pid));
const inside = (name: string) => vi.waitFor(() => expect(engineOf(name)).not.toHaveLength(0), { timeout: 30_000 });
const alive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};
const exited = (pid: number) => vi.waitFor(() => expect(alive(pid)).toBe(false), { timeout: 10_000 });

/** The timers of this process that run for one of these times, ms, and what they will call. None ends by itself during a test. */
function runningTimers(...times: number[]) {
  const running = new Map<unknown, () => void>();
  const { setTimeout, clearTimeout } = globalThis;
  const spies = [
    vi.spyOn(globalThis, 'setTimeout').mockImplementation(((
      act: (...args: unknown[]) => void,
      delay?: number,
      ...args: unknown[]
    ) => {
      const meant = times.includes(delay!);
      const timer = setTimeout(act, meant ? 300_000 : delay, ...args);
      if (meant) running.set(timer, () => act(...args));
      return timer;
    }) as typeof setTimeout),
    vi.spyOn(globalThis, 'clearTimeout').mockImplementation((timer) => {
      running.delete(timer);
      clearTimeout(timer);
    }),
  ];
  return {
    all: () => [...running.values()],
    [Symbol.dispose]: () => {
      for (const spy of spies) spy.mockRestore();
    },
  };
}

it('an image larger than what a pipe takes at once reaches its engine whole, and the next one too', async () => {
  const pool = await start(1);
  const large = { name: 'large', do: 'answer', padding: ' '.repeat(3e6) } as const;
  using slot = await pool.acquire('interactive', '', never);
  for (const script of [large, { name: 'small', do: 'answer' }]) {
    const bytes = new TextEncoder().encode(JSON.stringify(script));
    const answer = await slot.run({ bytes, options: DEFAULT_DETECTION_OPTIONS }, never, IDS);
    expect(answer.image.bytes).toBe(bytes.length);
    expect(decodeResult(answer.result).FaceModelVersion).toBe(script.name);
  }
});

describe('an image whose engine exits', () => {
  it('before it has read the image is run again, whole', async () => {
    const pool = await start(1);
    const bytes = new TextEncoder().encode(JSON.stringify({ name: 'late', do: 'answer', padding: ' '.repeat(3e6) }));
    using slot = await pool.acquire('interactive', '', never);
    process.kill(pool.status().pids[0]!, 'SIGSTOP');
    const running = slot.run({ bytes, options: DEFAULT_DETECTION_OPTIONS }, never, IDS);
    process.kill(pool.status().pids[0]!, 'SIGKILL');
    expect((await running).image.bytes).toBe(bytes.length);
    expect(engineOf('late')).toHaveLength(1);
  });

  it('is refused when engines report faces before they have got all of it', async () => {
    const module = new URL('./testing/hasty-engine.ts', import.meta.url).pathname;
    const limits = { timeLimit: { baseMs: 60_000, megapixelMs: 0, maxPixels: 1, faceMs: 0 }, maxRssBytes: 1e11 };
    const pool = await EnginePool.start({ ...program(), module }, limits, 1, log, metrics);
    pools.push(pool);
    using slot = await pool.acquire('interactive', '', never);
    // More than a pipe takes at once.
    const image = { bytes: new Uint8Array(3e6), options: DEFAULT_DETECTION_OPTIONS };
    await expect(slot.run(image, never, IDS)).rejects.toMatchObject({ code: 'engine_crashed' });
  });

  it('succeeds when the engine is killed from outside', async () => {
    const pool = await start(1);
    const running = run(pool, { name: 'victim', do: 'wait' });
    await inside('victim');
    process.kill(engineOf('victim')[0]!, 'SIGKILL');
    writeFileSync(join(folder, 'go'), '');
    expect(await running).toBe('victim');
    expect(new Set(engineOf('victim')).size).toBe(2);
  });

  it('fails with engine_crashed when it kills its engine twice, and the next image succeeds', async () => {
    const pool = await start(1);
    await expect(run(pool, { name: 'poison', do: 'crash' })).rejects.toMatchObject({ code: 'engine_crashed' });
    expect(new Set(engineOf('poison')).size).toBe(2);
    expect(await run(pool, { name: 'good', do: 'answer' })).toBe('good');
  });

  it('fails with engine_timeout as soon as it hangs its engine, and is not tried again', async () => {
    const pool = await start(2, { timeoutMs: 1500, faceMs: 1000 });
    const neighbour = run(pool, { name: 'neighbour', do: 'report', faces: 59 });
    await inside('neighbour');
    await expect(run(pool, { name: 'endless', do: 'hang once' })).rejects.toMatchObject({ code: 'engine_timeout' });
    expect(engineOf('endless')).toHaveLength(1);
    writeFileSync(join(folder, 'go'), '');
    expect(await neighbour).toBe('neighbour');
    expect(engineOf('neighbour')).toHaveLength(1);
    expect(await run(pool, { name: 'next', do: 'answer' })).toBe('next');
  });

  it('fails with engine_timeout when it hangs the engine in which it runs again after a crash', async () => {
    const pool = await start(1, { timeoutMs: 1500 });
    await expect(run(pool, { name: 'odd', do: 'crash, then hang' })).rejects.toMatchObject({ code: 'engine_timeout' });
    expect(engineOf('odd')).toHaveLength(2);
  });

  it('does not affect others: two poisonous images among sixty', async () => {
    const pool = await start(2);
    const names = Array.from({ length: 60 }, (_, i) => `image-${i}`);
    const ends = await Promise.allSettled(
      names.map((name, i) => run(pool, { name, do: i === 7 || i === 31 ? 'crash' : 'answer' })),
    );
    ends.forEach((end, i) => {
      if (i === 7 || i === 31) expect(end).toMatchObject({ status: 'rejected', reason: { code: 'engine_crashed' } });
      else expect(end).toEqual({ status: 'fulfilled', value: names[i] });
    });
    // No good image was started twice.
    expect(engineOf('image-8')).toHaveLength(1);
    expect(lines('images')).toHaveLength(62);
  });

  it('is released when no engine comes up again', async () => {
    const pool = await start(1);
    writeFileSync(join(folder, 'broken'), '');
    await expect(run(pool, { name: 'unlucky', do: 'crash' })).rejects.toMatchObject({ name: 'EngineStartError' });
    rmSync(join(folder, 'broken'));
    expect(await run(pool, { name: 'later', do: 'answer' })).toBe('later');
  });
});

describe('the time limit of an image', () => {
  it('grows with its faces', async () => {
    const pool = await start(1, { timeoutMs: 1000, faceMs: 1000 });
    const crowd = run(pool, { name: 'crowd', do: 'report', faces: 59 });
    await inside('crowd');
    // One second without a face.
    await expect(run(await start(1, { timeoutMs: 1000 }), { name: 'none', do: 'wait' })).rejects.toMatchObject({
      code: 'engine_timeout',
    });
    writeFileSync(join(folder, 'go'), '');
    expect(await crowd).toBe('crowd');
  });

  it('grows with its pixels, and with its faces besides', async () => {
    const pool = await start(3, { timeoutMs: 1000, megapixelMs: 1000, faceMs: 1000 });
    const large = run(pool, { name: 'large', do: 'report', pixels: 50e6 });
    const crowd = run(pool, { name: 'large-crowd', do: 'report', pixels: 1e5, faces: 59 });
    await Promise.all([inside('large'), inside('large-crowd')]);
    // One second and a tenth.
    const small = run(pool, { name: 'small', do: 'report', pixels: 1e5 });
    await expect(small).rejects.toMatchObject({ code: 'engine_timeout' });
    writeFileSync(join(folder, 'go'), '');
    expect(await Promise.all([large, crowd])).toEqual(['large', 'large-crowd']);
  });

  it('grows once each, for no more faces than a call may ask for and no more pixels than are accepted, whatever the engine says', async () => {
    const pool = await start(1, { timeoutMs: 300, megapixelMs: 4, faceMs: 0.02 });
    const lying = run(pool, { name: 'lying', do: 'report', pixels: 1e12, faces: 1e12 });
    await expect(lying).rejects.toMatchObject({ code: 'engine_timeout' });
  });

  it('does not shrink for an image without a face', async () => {
    const pool = await start(1, { timeoutMs: 60_000, faceMs: 1000 });
    const empty = run(pool, { name: 'empty', do: 'report', faces: 0 });
    await inside('empty');
    writeFileSync(join(folder, 'go'), '');
    expect(await empty).toBe('empty');
  });
});

describe('an engine', () => {
  it('continues after an image it refuses and after a fault of its own', async () => {
    const pool = await start(1);
    await expect(run(pool, { name: 'bad', do: 'refuse' })).rejects.toMatchObject({ code: 'image_undecodable' });
    await expect(run(pool, { name: 'bug', do: 'fault' })).rejects.toMatchObject({ name: 'EngineFault' });
    expect(await run(pool, { name: 'good', do: 'answer' })).toBe('good');
    expect(lines('starts')).toHaveLength(1);
  });

  it('that answers in time has its answer accepted, even if the worker was frozen meanwhile', async () => {
    const pool = await start(1, { timeoutMs: 4000 });
    const done = run(pool, { name: 'done', do: 'wait' });
    await inside('done');
    writeFileSync(join(folder, 'go'), '');
    // As after a SIGSTOP: this process is frozen until long after the time limit.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 6000);
    expect(await done).toBe('done');
    await run(pool, { name: 'next', do: 'answer' });
    expect(engineOf('next')).toEqual(engineOf('done'));
  });

  it('keeps neither time limit nor listener of an image that is done, canceled or not', async () => {
    const pool = await start(1, { timeoutMs: 54_321 });
    using timers = runningTimers(54_321, 500);
    const abort = new AbortController();
    await run(pool, { name: 'done', do: 'answer' }, abort.signal);
    await expect(run(pool, { name: 'bad', do: 'refuse' }, abort.signal)).rejects.toThrow();
    expect([getEventListeners(abort.signal, 'abort'), timers.all()]).toEqual([[], []]);
    const nearly = run(pool, { name: 'nearly', do: 'wait' }, abort.signal);
    await inside('nearly');
    expect(timers.all()).toHaveLength(1);
    abort.abort();
    expect(timers.all()).toHaveLength(2);
    writeFileSync(join(folder, 'go'), '');
    await nearly;
    expect(timers.all()).toEqual([]);
  });

  it('is replaced when it exits without an image inside', async () => {
    const pool = await start(1);
    const [first] = pool.status().pids;
    process.kill(first!, 'SIGKILL');
    await exited(first!);
    expect(await run(pool, { name: 'good', do: 'answer' })).toBe('good');
    expect(engineOf('good')).not.toContain(first);
  });

  it('over its memory limit is replaced between two images', async () => {
    const pool = await start(1);
    expect(await run(pool, { name: 'big', do: 'grow' })).toBe('big');
    expect(await run(pool, { name: 'next', do: 'answer' })).toBe('next');
    expect(engineOf('next')).not.toEqual(engineOf('big'));
    await exited(engineOf('big')[0]!);
  });

  it('that is down gets no image while another is up', async () => {
    const pool = await start(2);
    await run(pool, { name: 'probe', do: 'answer' });
    writeFileSync(join(folder, 'broken'), '');
    // The next image would get this engine, too.
    process.kill(engineOf('probe')[0]!, 'SIGKILL');
    await expect.poll(() => pool.status().ready).toBe(1);
    for (const name of ['a', 'b', 'c']) expect(await run(pool, { name, do: 'answer' })).toBe(name);
    expect(new Set(['a', 'b', 'c'].flatMap(engineOf)).size).toBe(1);
  });

  it('that an image crashed gets no image until it is up again', async () => {
    const pool = await start(2);
    writeFileSync(join(folder, 'broken'), '');
    await expect(run(pool, { name: 'unlucky', do: 'crash' })).rejects.toMatchObject({ name: 'EngineStartError' });
    for (const name of ['a', 'b', 'c']) expect(await run(pool, { name, do: 'answer' })).toBe(name);
  });

  it('has no failures in a row left once an image got done', async () => {
    const warn = vi.spyOn(log, 'warn');
    const pool = await start(1);
    for (const name of ['a', 'b', 'c']) expect(await run(pool, { name, do: 'crash once' })).toBe(name);
    expect(warn.mock.calls.map(([facts]) => facts)).toMatchObject([
      { failures_in_a_row: 1 },
      { failures_in_a_row: 1 },
      { failures_in_a_row: 1 },
    ]);
    warn.mockRestore();
  });

  it('ignores the signals that a terminal sends to its process group', async () => {
    const pool = await start(1);
    const [pid] = pool.status().pids;
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(pid!, signal);
    await run(pool, { name: 'good', do: 'answer' });
    expect(engineOf('good')).toEqual([pid]);
  });
});

/** Restarts counted so far, by cause. */
async function restarts(): Promise<Record<string, number>> {
  const families = parseExposition(await metrics.text());
  const causes = ['crash', 'hang', 'memory', 'canceled', 'start'];
  const name = 'facequeue_engine_restarts_total';
  return Object.fromEntries(causes.map((cause) => [cause, seriesValue(families, name, { cause })]));
}

describe('replaced engines', () => {
  it('are counted by cause, once each', async () => {
    const pool = await start(1);
    // Of its own: within its limit, a slow machine may not get done what else happens here.
    const hasty = await start(1, { timeoutMs: 1500 });
    expect(await restarts()).toEqual({ crash: 0, hang: 0, memory: 0, canceled: 0, start: 0 });
    await run(pool, { name: 'a', do: 'crash once' });
    await expect(run(hasty, { name: 'b', do: 'hang once' })).rejects.toThrow('took too long');
    await run(pool, { name: 'c', do: 'grow' });
    expect(await restarts()).toMatchObject({ crash: 1, hang: 1, memory: 1, canceled: 0 });
    const cancel = new AbortController();
    const canceled = run(pool, { name: 'd', do: 'hang' }, cancel.signal);
    await inside('d');
    cancel.abort(new Error('canceled'));
    await expect(canceled).rejects.toThrow('canceled');
    await run(pool, { name: 'e', do: 'answer' });
    expect(await restarts()).toMatchObject({ crash: 1, canceled: 1, start: 0 });
    writeFileSync(join(folder, 'broken'), '');
    process.kill(engineOf('e')[0]!, 'SIGKILL');
    await vi.waitFor(async () => expect((await restarts())['start']).toBeGreaterThan(0), { timeout: 10_000 });
    expect((await restarts())['crash']).toBe(2);
  });

  it.each([
    ['SIGKILL', 'crash once'],
    ['exit code 3', 'exit once'],
  ] as const)('are logged with the job whose image was inside, and how they ended: %s', async (how, act) => {
    const pool = await start(1);
    await run(pool, { name: 'a', do: act });
    expect(logged).toContainEqual(
      expect.objectContaining({ job_id: 'a', request_id: 'request of a', how, engine: engineOf('a')[0] }),
    );
  });
});

describe('what an engine prints', () => {
  const printed = () => logged.flatMap((line) => (typeof line['text'] === 'string' ? [line] : []));

  it('is logged with the image inside, also when the next one follows at once', async () => {
    const pool = await start(1);
    const names = Array.from({ length: 40 }, (_, i) => `image-${i}`);
    await Promise.all(names.map((name) => run(pool, { name, do: 'print' })));
    await expect.poll(printed).toHaveLength(2 * names.length);
    for (const { job_id, request_id, engine, text } of printed()) {
      expect([`${job_id} on 1`, `${job_id} on 2`]).toContain(text);
      expect(request_id).toBe(`request of ${job_id}`);
      expect(engine).toBe(engineOf('image-0')[0]);
    }
  });

  it('while it crashes is logged with the image that crashed it', async () => {
    const pool = await start(1);
    await expect(run(pool, { name: 'poison', do: 'abort' })).rejects.toMatchObject({ code: 'engine_crashed' });
    await expect.poll(() => printed().filter(({ text }) => text === 'poison on 2')).toHaveLength(2);
    for (const line of printed()) expect(line).toMatchObject({ job_id: 'poison' });
  });

  it('without end is truncated, per image', async () => {
    const pool = await start(1);
    for (const name of ['a', 'b']) await run(pool, { name, do: 'chatter' });
    await run(pool, { name: 'c', do: 'print' });
    await expect.poll(() => printed().at(-1)).toMatchObject({ job_id: 'c' });
    for (const name of ['a', 'b']) {
      const own = printed().filter(({ job_id }) => job_id === name);
      expect(own).toHaveLength(50);
      expect(own[0]!['text']).toBe('x'.repeat(2000));
    }
    expect(logged.filter(({ msg }) => msg === 'engine output truncated')).toMatchObject([
      { job_id: 'a' },
      { job_id: 'b' },
    ]);
  });
});

describe('the status', () => {
  it('shows how many slots are in use and queued, and how busy the engines were in the last half minute', async () => {
    const pool = await start(1);
    expect(pool.status()).toMatchObject({ size: 1, ready: 1, busy: 0, load: 0, rss: [0] });
    const given = performance.now();
    const first = run(pool, { name: 'first', do: 'wait' });
    await inside('first');
    const begun = performance.now();
    const others = ['b', 'c'].map((name) => run(pool, { name, do: 'answer' }));
    const bulk = pool.acquire('others', '', never);
    expect(pool.status()).toMatchObject({ busy: 1, queued: { interactive: 2, others: 1 } });
    await sleep(200);
    const released = performance.now();
    writeFileSync(join(folder, 'go'), '');
    await Promise.all([first, ...others]);
    (await bulk)[Symbol.dispose]();
    const { load, rss, queued } = pool.status();
    expect(queued).toEqual({ interactive: 0, others: 0 });
    const busyFor = (ms: number) => 1 - Math.exp(-ms / 15_000);
    expect(load).toBeGreaterThan(0.9 * busyFor(released - begun));
    expect(load).toBeLessThan(1.1 * busyFor(performance.now() - given));
    expect(rss[0]).toBeGreaterThan(10e6);
  });
});

describe('a canceled job', () => {
  it('whose image hangs has its engine killed after half a second, and is not run again', async () => {
    const pool = await start(1);
    const abort = new AbortController();
    const running = run(pool, { name: 'endless', do: 'hang' }, abort.signal);
    await inside('endless');
    // That no other engine comes up does not affect this job.
    writeFileSync(join(folder, 'broken'), '');
    abort.abort(new Error('canceled'));
    const abortedAt = performance.now();
    await expect(running).rejects.toThrow('canceled');
    // Timers count whole milliseconds.
    expect(performance.now() - abortedAt).toBeGreaterThan(499);
    expect(performance.now() - abortedAt).toBeLessThan(10_000);
    rmSync(join(folder, 'broken'));
    expect(await run(pool, { name: 'good', do: 'answer' })).toBe('good');
    expect(engineOf('endless')).toHaveLength(1);
  });

  it('does not affect the image in the other engine', async () => {
    const pool = await start(2);
    const other = run(pool, { name: 'other', do: 'wait' });
    await inside('other');
    const abort = new AbortController();
    const running = run(pool, { name: 'endless', do: 'hang' }, abort.signal);
    await inside('endless');
    abort.abort(new Error('canceled'));
    await expect(running).rejects.toThrow('canceled');
    await exited(engineOf('endless')[0]!);
    writeFileSync(join(folder, 'go'), '');
    expect(await other).toBe('other');
    expect(engineOf('other')).toHaveLength(1);
  });

  it('delays no restart, however many are canceled in a row', async () => {
    const pool = await start(1);
    for (const name of ['one', 'two', 'three']) {
      const abort = new AbortController();
      const running = run(pool, { name, do: 'hang' }, abort.signal);
      await inside(name);
      abort.abort(new Error('canceled'));
      await expect(running).rejects.toThrow('canceled');
    }
    await expect.poll(delays).toEqual([0, 0, 0, 0]);
    // Its own two failures are counted from zero.
    await expect(run(pool, { name: 'poison', do: 'crash' })).rejects.toMatchObject({ code: 'engine_crashed' });
    expect(await run(pool, { name: 'good', do: 'answer' })).toBe('good');
    expect(delays().slice(4)).toEqual([0, 100]);
  });

  it('lets an image that is nearly done finish, so that the engine survives', async () => {
    const pool = await start(1);
    // Half a second, which a slow machine may need.
    using _ = runningTimers(500);
    const abort = new AbortController();
    const running = run(pool, { name: 'nearly', do: 'wait' }, abort.signal);
    await inside('nearly');
    abort.abort(new Error('canceled'));
    writeFileSync(join(folder, 'go'), '');
    expect(await running).toBe('nearly');
    expect(lines('starts')).toHaveLength(1);
  });

  it('is not started even if it has an engine already', async () => {
    const pool = await start(1);
    using slot = await pool.acquire('interactive', '', never);
    const bytes = new TextEncoder().encode(JSON.stringify({ name: 'late', do: 'answer' }));
    const aborted = AbortSignal.abort(new Error('canceled'));
    await expect(slot.run({ bytes, options: DEFAULT_DETECTION_OPTIONS }, aborted, IDS)).rejects.toThrow('canceled');
    expect(engineOf('late')).toEqual([]);
  });

  it('that waits for an engine leaves the queue', async () => {
    const pool = await start(1);
    const first = run(pool, { name: 'first', do: 'wait' });
    await inside('first');
    const abort = new AbortController();
    const second = run(pool, { name: 'second', do: 'answer' }, abort.signal);
    abort.abort(new Error('canceled'));
    await expect(second).rejects.toThrow('canceled');
    writeFileSync(join(folder, 'go'), '');
    await first;
    expect(engineOf('second')).toEqual([]);
    expect(pool.status().busy).toBe(0);
  });
});

describe('the start', () => {
  it('fails with the reason, and leaves no engine, when the models cannot be used', async () => {
    await expect(start(3, { settings: { start: 'unusable' } })).rejects.toThrow('no such device');
    for (const pid of lines('starts')) await exited(Number(pid));
    expect(lines('starts')).toHaveLength(1);
  });

  it('leaves no engine when a later one cannot be used', async () => {
    await expect(start(2, { settings: { start: 'second unusable' } })).rejects.toThrow('no such device');
    expect(lines('starts')).toHaveLength(2);
    for (const pid of lines('starts')) await exited(Number(pid));
  });

  it('fails, and does not retry for ever, when an engine exits during start-up', async () => {
    await expect(start(2, { settings: { start: 'crash' } })).rejects.toThrow('exited by SIGKILL during start-up');
    expect(lines('starts')).toHaveLength(1);
  });

  it('fails when the models are not loaded after 300 s, and leaves no engine', async () => {
    using timers = runningTimers(300_000);
    const starting = expect(start(1, { settings: { start: 'never ends' } })).rejects.toMatchObject({
      name: 'EngineStartError',
      message: 'models not loaded after 300 s',
    });
    await expect.poll(() => lines('starts'), { timeout: 10_000 }).toHaveLength(1);
    const [passed] = timers.all();
    passed!();
    await starting;
    await exited(Number(lines('starts')[0]));
    expect(timers.all()).toEqual([]);
  });

  it('leaves neither its time limit nor a listener when the engine is up', async () => {
    using timers = runningTimers(300_000);
    const { signal } = new AbortController();
    const engine = await Engine.start(program(), signal, log);
    expect(timers.all()).toEqual([]);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
    engine.kill();
    expect(await engine.ended).toBe('SIGKILL');
  });

  it('that is aborted fails for that reason, and leaves no engine', async () => {
    const stopping = new AbortController();
    const starting = expect(Engine.start(program({ start: 'never ends' }), stopping.signal, log)).rejects.toThrow(
      'over',
    );
    await expect.poll(() => lines('starts'), { timeout: 10_000 }).toHaveLength(1);
    stopping.abort(new Error('over'));
    await starting;
    // Node has seen its exit by then: not even a zombie is left.
    expect(existsSync(`/proc/${lines('starts')[0]}`)).toBe(false);
  });

  it('that was aborted before starts no engine', async () => {
    const aborted = AbortSignal.abort(new Error('over'));
    await expect(Engine.start(program(), aborted, log)).rejects.toThrow('over');
    expect(lines('starts')).toEqual([]);
  });

  it('fails with the reason when the process cannot be made', async () => {
    const launcher = { execPath: join(folder, 'none'), execArgv: [] };
    await expect(Engine.start({ ...program(), launcher }, never, log)).rejects.toMatchObject({
      name: 'EngineStartError',
      message: expect.stringContaining('ENOENT'),
    });
  });

  it('leaves out setpriv where it is not installed, and not Node’s options', () => {
    const options = ['--max-semi-space-size=1', '--expose-gc'];
    expect(engineLauncher()).toEqual({
      execPath: 'setpriv',
      execArgv: ['--pdeathsig', 'KILL', '--', process.execPath, ...options],
    });
    vi.stubEnv('PATH', folder);
    try {
      expect(engineLauncher()).toEqual({ execPath: process.execPath, execArgv: options });
    } finally {
      vi.unstubAllEnvs();
    }
  });
});

describe('the end', () => {
  it('leaves no engine, not even one that hangs', async () => {
    const pool = await start(2);
    const { pids } = pool.status();
    const running = run(pool, { name: 'endless', do: 'hang' });
    running.catch(() => {});
    await inside('endless');
    await pool.close();
    for (const pid of pids) await exited(pid);
    await expect(running).rejects.toThrow();
    expect(lines('starts')).toHaveLength(2);
  });

  it.each([
    ['even one that hangs', []],
    ['also where there is no setpriv', ['plain']],
  ])('of a parent by kill -9 ends its engines, %s', async (_, how) => {
    const parent = fork(new URL('./testing/doomed-parent.ts', import.meta.url).pathname, [folder, ...how]);
    const [pids] = (await once(parent, 'message')) as [number[]];
    expect(pids).toHaveLength(2);
    expect(pids.every(alive)).toBe(true);
    parent.kill('SIGKILL');
    for (const pid of pids) await exited(pid);
  });
});

describe('delays between restarts', () => {
  it('are zero at first, then double from 0.1 s to 5 s while failures go on', () => {
    expect([0, 1, 2, 3, 4].map(restartDelayMs)).toEqual([0, 0, 100, 200, 400]);
    const growing = Array.from({ length: 2000 }, (_, i) => restartDelayMs(i + 1));
    growing.reduce((before, delay) => {
      expect(delay).toBeGreaterThanOrEqual(before);
      return delay;
    });
    expect(Math.max(...growing)).toBe(5000);
  });
});
