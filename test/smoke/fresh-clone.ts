/**
 * A newcomer's first steps in an empty folder: clone the committed state, `npm start`, post a photograph, stop the service in
 * every possible way, and start it again. No process may keep running. It takes a minute or two and needs npm's registry, so it is
 * not part of `npm test`: node test/smoke/fresh-clone.ts
 */
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { DetectionResult } from '@facequeue/schema';

const ROOT = new URL('../..', import.meta.url).pathname;
const FIRST_START_MS = 10 * 60_000;
const SOON_MS = 60_000;

const folder = mkdtempSync(join(tmpdir(), 'facequeue-fresh-'));
const clone = join(folder, 'facequeue');
/** Every process of this run has it in its environment. */
const MARK = `FACEQUEUE_SMOKE=${folder}`;

/** A newcomer's shell: without the variables of this checkout and its npm. */
const env: NodeJS.ProcessEnv = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm_|REDIS_URL$|INIT_CWD$)/i.test(name))),
  PATH: (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter((entry) => !entry.includes('node_modules'))
    .join(delimiter),
  PORT: '0',
  FACEQUEUE_SMOKE: folder,
};

/**
 * Commands of this run's processes. Redis overwrites its environment with its title, but its working directory is the clone; engines
 * have neither, but run a file of it.
 */
function running(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
        const ours =
          command.includes(`${clone}/`) ||
          readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(MARK) ||
          readlinkSync(`/proc/${pid}/cwd`).startsWith(folder);
        return ours ? [`${pid} ${command}`] : [];
      } catch {
        return [];
      }
    });
}

async function nothingLeft(after: string): Promise<void> {
  const deadline = Date.now() + SOON_MS;
  while (running().length) {
    assert(Date.now() < deadline, `still running ${after}:\n${running().join('\n')}`);
    await delay(50);
  }
  console.log(`nothing is left ${after}`);
}

interface Started {
  child: ChildProcess;
  url: string;
  seconds: string;
  log(): string;
}

/** Runs a command that starts the service, and waits until it reports its URL. */
async function start(command: string, args: string[], timeoutMs: number): Promise<Started> {
  const begun = performance.now();
  const child = spawn(command, args, { cwd: clone, env, stdio: ['pipe', 'pipe', 'pipe'] });
  let log = '';
  const url = await new Promise<string>((resolve, reject) => {
    const read = (chunk: Buffer) => {
      log += chunk;
      const ready = /is ready at (http:\/\/[\w.:]+)/.exec(log);
      if (ready) resolve(ready[1]!);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.once('exit', (code, signal) => reject(new Error(`${command} ended (${code ?? signal}):\n${log}`)));
    setTimeout(() => reject(new Error(`${command} is not ready in time:\n${log}`)), timeoutMs).unref();
  });
  return { child, url, seconds: ((performance.now() - begun) / 1000).toFixed(1), log: () => log };
}

async function end(child: ChildProcess): Promise<unknown> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode ?? child.signalCode;
  const [code, signal] = await once(child, 'exit');
  return code ?? signal;
}

async function faces(url: string): Promise<DetectionResult> {
  const body = readFileSync(join(clone, 'test/images/astronaut.png'));
  const response = await fetch(`${url}/face_detection`, {
    method: 'POST',
    headers: { 'content-type': 'image/png' },
    body,
  });
  assert.equal(response.status, 200, await response.clone().text());
  return (await response.json()) as DetectionResult;
}

try {
  execFileSync('git', ['clone', '--quiet', ROOT, clone]);

  const first = await start('npm', ['start'], FIRST_START_MS);
  console.log(`first start, packages installed: ready after ${first.seconds} s`);
  for (const part of [
    'npm start',
    'cli/src/serve/main.ts',
    'redis-server',
    'worker/src/main',
    'engines/main',
    'api/src/main',
  ])
    assert(
      running().some((command) => command.includes(part)),
      `${part} is not seen in:\n${running().join('\n')}`,
    );
  const found = await faces(first.url);
  assert.equal(found.Faces.length, 1);
  assert.equal(found.Faces[0]!.landmark_106!.length, 106);
  const printed = execFileSync(
    'npm',
    ['run', '--silent', 'facequeue', '--', 'detect', '--json', 'test/images/astronaut.png'],
    {
      cwd: clone,
      env,
      encoding: 'utf8',
    },
  );
  assert.deepEqual(JSON.parse(printed), found);
  console.log('one face, the same over HTTP and on the command line');
  first.child.kill('SIGTERM');
  await end(first.child);
  await nothingLeft('after SIGTERM to npm alone');

  const second = await start('npm', ['start'], SOON_MS);
  console.log(`second start: ready after ${second.seconds} s`);
  const { serve } = JSON.parse(readFileSync(join(clone, '.facequeue/processes.json'), 'utf8'));
  process.kill(serve.pid, 'SIGKILL');
  await end(second.child);
  const third = await start('npm', ['start'], SOON_MS);
  assert.match(third.log(), /Stopped what an earlier start had left running: gateway, worker, Redis/);
  assert.equal((await faces(third.url)).Faces.length, 1);
  console.log(`start after a kill -9: cleaned up and ready after ${third.seconds} s`);
  third.child.kill('SIGTERM');
  await end(third.child);
  await nothingLeft('after a kill -9, a start and SIGTERM');

  // `script` provides a terminal, so that Ctrl-C is real: it reaches npm and serve, and npm forwards it again.
  const typed = await start('script', ['--quiet', '--return', '--command', 'npm start', '/dev/null'], SOON_MS);
  typed.child.stdin!.write('\x03');
  await end(typed.child);
  assert.match(typed.log(), /Stopping gateway[\s\S]*Stopping worker[\s\S]*Stopping Redis[\s\S]*Stopped\./);
  await nothingLeft('after one Ctrl-C in a terminal');
  console.log('a fresh clone works, and leaves nothing behind');
} finally {
  for (const line of running()) process.kill(Number.parseInt(line, 10), 'SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}
