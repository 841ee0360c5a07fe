/**
 * `npm run test:openapi [-- FLAG…]`: a gateway and a worker, and Schemathesis, which makes calls from their OpenAPI document, valid ones and
 * broken ones, and fails when an answer is not as documented. About a minute; `-- --max-time 600` makes random calls and chains of calls as well,
 * for ten minutes.
 * Other flags are those of `schemathesis run`.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SCOPES } from '@facequeue/schema/scopes';
import { keyOf } from '../support/gateway/api-keys.ts';
import { TestKeysFile } from '../support/gateway/keys-file.ts';
import { startInstallation } from '../support/processes/installation.ts';
import { startDnsServer } from '../support/servers/dns-server.ts';
import { schemathesis } from './environment.ts';

/** Values at the bounds of each schema, the same ones each time. */
const SHORT = [
  ...['--phases', 'coverage', '--max-time', '75', '--seed', '1'],
  // The same as /face_detection.
  ...['--exclude-path', '/face-detection', '--exclude-path', '/invocations'],
];

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const flags = process.argv.slice(2);

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
    env: { ...process.env, FACEQUEUE_KEY: keyOf('caller'), PYTHONPATH: path('.'), SCHEMATHESIS_HOOKS: 'hooks' },
    stdio: 'inherit',
  },
);
const [status] = (await once(child, 'exit')) as [number | null];
process.exitCode = status ?? 1;
