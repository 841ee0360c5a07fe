/**
 * `npm run test:openapi [-- FLAG…]`: a gateway and a worker, and Schemathesis, which makes calls from their OpenAPI document, valid ones and
 * broken ones, and fails when an answer is not as documented. About a minute; `-- --max-time 600` makes more random calls and chains of calls,
 * for ten minutes. Other flags are those of `schemathesis run`. `-- --unreachable` exits with 0 when Schemathesis cannot be installed because no
 * package index answers, and with 1 otherwise.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { SCOPES } from '@facequeue/schema/scopes';
import { keyOf } from '../support/gateway/api-keys.ts';
import { TestKeysFile } from '../support/gateway/keys-file.ts';
import { startInstallation } from '../support/processes/installation.ts';
import { startDnsServer } from '../support/servers/dns-server.ts';
import { isUnreachable, schemathesis } from './environment.ts';

/**
 * Values at the bounds of each schema and some random ones, the same each time: a number, not a time, so that a slow machine makes them, too.
 * No chains of calls: they race with what jobs and batches do meanwhile, so each run has others.
 */
const SHORT = [
  ...['--phases', 'coverage,fuzzing', '--max-examples', '5', '--seed', '1'],
  // The same as /face_detection.
  ...['--exclude-path', '/face-detection', '--exclude-path', '/invocations'],
];
/** It takes 20 s of two cores, and beside a dozen busy processes a minute. */
const SHORT_S = 300;
/** After `--max-time`, for the call in progress and the report. */
const GRACE_S = 60;

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const flags = process.argv.slice(2);
const { values } = parseArgs({
  options: { unreachable: { type: 'boolean' }, 'max-time': { type: 'string' } },
  strict: false,
});
if (values.unreachable) process.exit((await isUnreachable()) ? 0 : 1);
const limitS = flags.length === 0 ? SHORT_S : Number(values['max-time'] ?? Number.POSITIVE_INFINITY) + GRACE_S;

const program = await schemathesis();
await using stack = new AsyncDisposableStack();
const folder = stack.adopt(mkdtempSync(join(tmpdir(), 'facequeue-openapi-')), (made) =>
  rmSync(made, { recursive: true }),
);
const keys = stack.use(new TestKeysFile({ name: 'caller', scopes: [...SCOPES] }));
// Knows no name: hosts of generated URLs are looked up here, and never on the internet.
const names = stack.use(await startDnsServer({}));
const installation = stack.use(await startInstallation());
const gateway = await installation.gateway({
  API_KEYS_FILE: keys.path,
  WEBHOOK_SECRETS: `caller=whsec_${Buffer.alloc(32, 7).toString('base64')}`,
  S3_OUTPUT_PREFIXES: 'bucket/runs',
  S3_SOURCE_PREFIXES: 'bucket/photos',
});
await installation.worker({
  NODE_OPTIONS: `--import=${path('../support/servers/name-servers-hook.ts')}`,
  TEST_NAME_SERVER: names.address,
});

const child = spawn(
  program,
  [
    ...['--config-file', path('schemathesis.toml'), 'run', `${gateway.url}/openapi.json`, '--no-color'],
    ...(flags.length > 0 ? flags : SHORT),
  ],
  {
    // Its caches go to the folder in which it runs.
    cwd: folder,
    env: {
      ...process.env,
      FACEQUEUE_KEY: keyOf('caller'),
      PYTHONPATH: path('.'),
      SCHEMATHESIS_HOOKS: 'hooks',
      // Seeds do not decide the order of sets.
      PYTHONHASHSEED: '0',
      // Prints where it is when it is ended.
      PYTHONFAULTHANDLER: '1',
    },
    stdio: 'inherit',
    ...(Number.isFinite(limitS) && { timeout: limitS * 1000 }),
    killSignal: 'SIGABRT',
  },
);
const [status, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
if (signal)
  console.error(
    `Schemathesis had not finished after ${limitS} s and was ended (${signal}); the lines above say where it was`,
  );
process.exitCode = status ?? 1;
