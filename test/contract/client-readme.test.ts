/** Runs the examples of the client's README unchanged, with a gateway at the address they use. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startCannedWorker, startTestGateway, type TestGateway } from '../support/gateway/index.ts';
import { startRedis } from '../support/redis/test-redis.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const README = readFileSync(`${ROOT}packages/client/README.md`, 'utf8');
const EXAMPLES = [...README.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code!);

const stack = new AsyncDisposableStack();
let gateway: TestGateway;
beforeAll(async () => {
  const redis = stack.adopt(await startRedis(), (redis) => redis.stop());
  gateway = stack.use(await startTestGateway(redis.url));
  stack.use(await startCannedWorker(gateway));
});
afterAll(() => stack.disposeAsync());

describe('the README of the client', () => {
  const PRINTED = [
    /^female 31 \{.*Width.*\}\n$/s,
    /^(queued \S+Z\n)*(processing \S+Z\n)?succeeded 1\n\[.*'?Confidence'?.*\] \{.*queue: 3.*\}\n$/s,
    /^(test\/images\/[\w-]+\.(png|jpg) succeeded 1\n){5}\{ accepted: 5, skipped: 0, failed: 0 \} 5\n$/,
    /^2026-01-02T03:00:00\.000Z 1\n1 0\n$/,
  ];

  it('has as many examples as this test expects', () => expect(EXAMPLES).toHaveLength(PRINTED.length));

  it.each(PRINTED.map((printed, i) => [i + 1, printed] as const))('works in example %i', async (number, printed) => {
    const code = EXAMPLES[number - 1]!.replaceAll('http://127.0.0.1:8080', gateway.url);
    const args = ['--input-type=module-typescript', '--no-warnings', '-e', code];
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: ROOT });
    expect(stdout).toMatch(printed);
  });
});
