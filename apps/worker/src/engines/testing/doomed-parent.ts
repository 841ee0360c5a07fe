/**
 * A process with two engines that sends their pids and waits to be killed. One of the engines hangs. With `plain` as second
 * argument that engine only waits, and the engines are started as on systems without `setpriv`.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Registry } from '@facequeue/metrics';
import { DEFAULT_DETECTION_OPTIONS } from '@facequeue/schema';
import { createLogger } from '@facequeue/service';
import { engineLauncher } from '../launcher.ts';
import { EnginePool } from '../pool.ts';
import type { Script } from './faulty-engine.ts';

const [, , folder, plain] = process.argv as [string, string, string, string?];
const pool = await EnginePool.start(
  {
    module: new URL('./faulty-engine.ts', import.meta.url).pathname,
    settings: { folder },
    env: {},
    launcher: plain ? { execPath: process.execPath, execArgv: [] } : engineLauncher(),
  },
  { timeLimit: { baseMs: 600_000, megapixelMs: 0, maxPixels: 1, faceMs: 0 }, maxRssBytes: 1e11 },
  2,
  createLogger('worker', 'silent'),
  new Registry('worker'),
);
const { signal } = new AbortController();
const slot = await pool.acquire('interactive', '', signal);
const script: Script = { name: 'endless', do: plain ? 'wait' : 'hang' };
const bytes = new TextEncoder().encode(JSON.stringify(script));
// It never ends: this process is killed meanwhile.
void slot.run({ bytes, options: DEFAULT_DETECTION_OPTIONS }, signal, { job_id: 'job', request_id: 'request' });
while (!existsSync(join(folder, 'images'))) await new Promise((resolve) => setTimeout(resolve, 5));
process.send!(pool.status().pids);
