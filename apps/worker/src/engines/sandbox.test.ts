/** What native code can do inside the engines of a real worker, and what the kernel says of them. */
import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { freshInstallation } from '../testing/installation.ts';
import { spawnWorker, startTestWorker } from '../testing/worker-process.ts';
import { PROTECTIONS, prepareSandbox, REQUIRED } from './sandbox.ts';

const MARK = 'mark-of-a-secret';
/** The mark is on its way in NODE_OPTIONS, and so in the environment that is searched for it. */
const backwards = (text: string) => [...text].reverse().join('');
const root = process.getuid!() === 0;
const hook = new URL('./testing/probe-hook.ts', import.meta.url);
const source = new URL('./testing/probe.c', import.meta.url).pathname;

let redis: TestRedis;
let folder: string;
beforeAll(async () => {
  redis = await startRedis();
  folder = mkdtempSync(join(tmpdir(), 'facequeue-probe-'));
  execFileSync('chmod', ['755', folder]);
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await redis.stop();
});

/** A worker with secrets, in whose engine the probe has run. */
async function probedWorker(env: Record<string, string> = {}) {
  await using stack = new AsyncDisposableStack();
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  stack.defer(() => void server.close());
  const { port } = server.address() as { port: number };
  const fresh = stack.use(await freshInstallation(redis));
  const url = new URL(hook);
  const modules = new URL('.', import.meta.url).pathname;
  url.searchParams.set('program', join(folder, 'probe'));
  url.searchParams.set(
    'args',
    JSON.stringify([String(port), backwards(MARK), '/tmp', '/var/tmp', '/dev/shm', '/', modules, folder]),
  );
  const worker = stack.use(
    await startTestWorker({
      ...fresh.env,
      LOG_LEVEL: 'info',
      DEVICE: 'cpu',
      NODE_OPTIONS: `--import=${url}`,
      ...env,
    }),
  );
  const printed = () => [...worker.log().matchAll(/"text":"probe: ([^"]*)"/g)].map(([, text]) => text!);
  await vi.waitFor(() => expect(printed()).toContain('done'), { timeout: 20_000 });
  const { workers } = await fresh.queue.snapshot();
  const kept = stack.move();
  return {
    worker,
    could: printed().filter((line) => line !== 'done'),
    said: workers[0]!.sandbox,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

describe('native code in an engine', () => {
  const compiled = () =>
    existsSync(source) && spawnSync('cc', ['-O1', '-D_GNU_SOURCE', '-o', join(folder, 'probe'), source]).status === 0;

  it('has no privileges, no secrets, no network, and no file outside its folder, as far as the worker says so', async ({
    skip,
  }) => {
    skip(!compiled(), 'no C compiler: apt-get install gcc libc6-dev');
    await using probed = await probedWorker({
      AWS_SECRET_ACCESS_KEY: root ? MARK : '',
      SECRET_OF_SOMETHING_ELSE: root ? MARK : '',
    });
    const { could, said, worker } = probed;
    expect(said).toMatchObject({ in_force: expect.arrayContaining([...REQUIRED]) });
    const inForce = said!.in_force;
    const scratch = could.filter((line) => /^writes to .*facequeue-engines-/.test(line));
    expect(scratch).toHaveLength(1);
    const others = could.filter((line) => !scratch.includes(line));
    // What is not in force is what this machine or user does not allow.
    const excused = [
      ...(inForce.includes('no_network') ? [] : [/^connects$/]),
      ...(inForce.includes('read_only') ? [] : [/^writes to /]),
    ];
    expect(others.filter((line) => !excused.some((pattern) => pattern.test(line)))).toEqual([]);
    if (root && spawnSync('unshare', ['--net', '--mount', 'true']).status === 0)
      expect(said).toEqual({ in_force: PROTECTIONS, missing: [] });
    expect(worker.log()).toContain('"msg":"engines are confined"');

    // Nothing of that keeps it from the libraries that decode images.
    const maps = readFileSync(`/proc/${worker.engines()[0]}/maps`, 'utf8');
    if (process.arch === 'x64') expect(maps).toContain('/libturbojpeg.so.');
    expect(maps).toContain('/libvips-cpp.so.');

    const status = readFileSync(`/proc/${worker.engines()[0]}/status`, 'utf8');
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    expect(status).toMatch(/^CapEff:\t0+$/m);
    expect(status).toMatch(/^CapPrm:\t0+$/m);
    if (root) expect(status).toMatch(/^CapBnd:\t0+$/m);
    if (inForce.includes('own_user')) expect(status).toMatch(/^Uid:\t65534\t/m);
    const same = readlinkSync(`/proc/${worker.engines()[0]}/ns/net`) === readlinkSync('/proc/self/ns/net');
    expect(same).toBe(!inForce.includes('no_network'));
  });

  it('could do all that without a sandbox', async ({ skip }) => {
    skip(!compiled(), 'no C compiler: apt-get install gcc libc6-dev');
    await using probed = await probedWorker({ ENGINE_SANDBOX: 'off', AWS_SECRET_ACCESS_KEY: MARK });
    expect(probed.could).toEqual(
      expect.arrayContaining([
        'connects',
        expect.stringMatching(/^secret in .proc.\d+.environ$/),
        'writes to /tmp',
        'may gain privileges',
        'writes files of any size',
        'opens any number of files',
        'takes any amount of memory',
      ]),
    );
    expect(probed.said).toEqual({ in_force: [], missing: PROTECTIONS });
  });
});

describe('a worker where util-linux is missing', () => {
  const path = () => {
    const bin = mkdtempSync(join(folder, 'bin-'));
    for (const name of ['setpriv', 'prlimit', 'unshare'])
      writeFileSync(join(bin, name), '#!/bin/sh\nexit 127\n', { mode: 0o755 });
    return `${bin}:${process.env['PATH']}`;
  };

  it('starts and says what is missing', async () => {
    await using fresh = await freshInstallation(redis);
    await using worker = await startTestWorker({ ...fresh.env, DEVICE: 'cpu', PATH: path() });
    expect(worker.log()).toContain('engines are not confined');
    expect((await fresh.queue.snapshot()).workers[0]!.sandbox).toEqual({ in_force: [], missing: PROTECTIONS });
  });

  it('does not start with ENGINE_SANDBOX=require', async () => {
    await using fresh = await freshInstallation(redis);
    await using worker = await spawnWorker({ ...fresh.env, DEVICE: 'cpu', PATH: path(), ENGINE_SANDBOX: 'require' });
    expect(worker.first).toMatchObject({
      type: 'failed',
      message: expect.stringContaining('ENGINE_SANDBOX=require, but engines would run without no_new_privileges'),
    });
  });
});

it('stays in no other user’s way: an engine that cannot read the models as nobody keeps its user', ({ skip }) => {
  skip(!root, 'only root can change its user');
  const hidden = mkdtempSync(join(folder, 'hidden-'));
  writeFileSync(join(hidden, 'manifest.json'), '{}');
  using sandbox = prepareSandbox({ readable: [join(hidden, 'manifest.json')], gpu: false });
  expect(sandbox.missing).toContain('own_user');
  expect(sandbox.inForce).toEqual(expect.arrayContaining([...REQUIRED]));
});

describe('the scratch folder', () => {
  const scratches = () => readdirSync(tmpdir()).filter((name) => name.startsWith('facequeue-engines-'));

  it('is removed with the sandbox', () => {
    const sandbox = prepareSandbox({ readable: [], gpu: false });
    const own = basename(sandbox.scratch!);
    expect(scratches()).toContain(own);
    sandbox[Symbol.dispose]();
    expect(scratches()).not.toContain(own);
  });

  it('of a worker that was killed is removed by the next one; those of running workers and of other pid namespaces stay', () => {
    const own = prepareSandbox({ readable: [], gpu: false });
    const owner = new RegExp(`-${process.pid}-`);
    expect(own.scratch).toMatch(owner);
    // A process that has just ended.
    const { pid } = spawnSync('true');
    const namespace = /(?<=facequeue-engines-)\d+/;
    const stale = own.scratch!.replace(owner, `-${pid}-`);
    const elsewhere = stale.replace(namespace, '1');
    for (const folder of [stale, elsewhere]) mkdirSync(join(folder, 'full'), { recursive: true });
    try {
      using next = prepareSandbox({ readable: [], gpu: false });
      expect(scratches()).not.toContain(basename(stale));
      expect(scratches()).toEqual(
        expect.arrayContaining([own.scratch!, next.scratch!, elsewhere].map((folder) => basename(folder))),
      );
    } finally {
      rmSync(elsewhere, { recursive: true });
      own[Symbol.dispose]();
    }
  });
});
