/** Starts the FastAPI server with the models of a pack, at its best setting: a worker a core, one thread in each. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { DEFAULT_PACK } from '@facequeue/pipeline';
import { freePort } from '../../../test/support/processes/free-port.ts';
import { descendants } from '../../../test/support/processes/process-table.ts';
import { virtualEnvironment } from '../../../test/support/python/virtual-environment.ts';
import { HttpSubject } from '../../image/http-subject.ts';
import type { Subject } from '../../image/subject.ts';

const folder = fileURLToPath(new URL('.', import.meta.url));
const environment = virtualEnvironment('fastapi', join(folder, 'requirements.txt'));

/** How long workers may take to load the models, ms. */
const START_LIMIT_MS = 60_000;

/** Installs and starts the server. @param pack path of the manifest; the default one when absent */
export async function startFastApi(pack: string = DEFAULT_PACK): Promise<Subject> {
  await environment.install();
  const workers = availableParallelism();
  const port = await freePort();
  const flags = ['--host', '127.0.0.1', '--port', String(port), '--workers', String(workers), '--no-access-log'];
  const child = spawn(join(environment.programs, 'uvicorn'), ['app:app', ...flags, '--log-level', 'warning'], {
    cwd: folder,
    env: { ...process.env, PACK: pack, OMP_NUM_THREADS: '1', PYTHONDONTWRITEBYTECODE: '1' },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const url = `http://127.0.0.1:${port}`;
  const close = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    await exited;
  };
  try {
    await listening(url);
  } catch (error) {
    await close();
    throw error;
  }
  return new HttpSubject({
    title: 'FastAPI',
    url,
    forms: ['raw'],
    pictureUrl: () => '',
    processes: () => ({ server: [child.pid!, ...descendants(child.pid!).map(({ pid }) => pid)] }),
    close,
  });
}

/** Resolves when a worker answers. @throws when none does in time */
async function listening(url: string): Promise<void> {
  const signal = AbortSignal.timeout(START_LIMIT_MS);
  for (;;) {
    const answer = await fetch(`${url}/openapi.json`, { signal }).catch(() => null);
    if (answer?.ok) return;
    await sleep(100, undefined, { signal });
  }
}
