/** The examples of webhooks.md, run as they stand there. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { signedHeaders } from '../apps/worker/src/webhooks/signature.ts';

const PAGE = readFileSync(new URL('webhooks.md', import.meta.url), 'utf8');
const example = (name: string) => new RegExp(`\`\`\`\\w+ ${name}\n(.*?)\`\`\``, 's').exec(PAGE)![1]!;
const SECRET = `whsec_${Buffer.alloc(32, 'd').toString('base64')}`;
const OTHER = `whsec_${Buffer.alloc(32, 'e').toString('base64')}`;
const HAS_TOOLS = ['curl', 'openssl'].every((tool) => spawnSync(tool, ['--version']).error === undefined);
const STATUS = { 204: 'accepted', 400: 'refused' } as Record<number, string>;

const cleanUp: (() => void)[] = [];
afterEach(() => {
  for (const clean of cleanUp.splice(0).reverse()) clean();
});

/** The receiver of the page, listening. It lies where it finds its library. */
async function startReceiver() {
  const cache = fileURLToPath(new URL('../node_modules/.cache', import.meta.url));
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, 'docs-'));
  cleanUp.push(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'receiver.mjs');
  writeFileSync(file, example('receiver.mjs'));
  const child = spawn(process.execPath, [file], {
    env: { PORT: '0', WEBHOOK_SECRET: SECRET },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  cleanUp.push(() => void child.kill('SIGKILL'));
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const line = async () => (await lines.next()).value as string;
  const port = /^listening on (\d+)$/.exec(await line())![1];
  return { url: `http://127.0.0.1:${port}/`, line };
}

describe('the receiver of the page', () => {
  it('accepts what Facequeue signs, processes it once, and refuses anything else', async () => {
    const receiver = await startReceiver();
    const body = JSON.stringify({ type: 'job.succeeded', data: { id: 'a', result: { Faces: [{}, {}] } } });
    const post = async (headers: Record<string, string>, text = body) =>
      STATUS[(await fetch(receiver.url, { method: 'POST', headers, body: text })).status];
    const headers = (id: string, secrets: string[]) => signedHeaders(id, body, secrets, Date.now());
    expect(await post(headers('m1', [OTHER]))).toBe('refused');
    expect(await post(headers('m1', [SECRET]), `${body} `)).toBe('refused');
    expect(await post({})).toBe('refused');
    expect(await post(headers('m1', [OTHER, SECRET]))).toBe('accepted');
    expect(await post(headers('m1', [SECRET]))).toBe('accepted');
    expect(await post(headers('m2', [SECRET]))).toBe('accepted');
    const batch = JSON.stringify({ type: 'batch.finished', data: { id: 'b', counts: { succeeded: 7 } } });
    expect(await post(signedHeaders('m3', batch, [SECRET], Date.now()), batch)).toBe('accepted');
    expect(await receiver.line()).toBe('job.succeeded a 2');
    expect(await receiver.line()).toBe('job.succeeded a 2');
    expect(await receiver.line()).toBe('batch.finished b 7');
  });

  it('accepts what the page signs with curl and openssl', async ({ skip }) => {
    skip(!HAS_TOOLS, 'curl or openssl is not installed');
    const receiver = await startReceiver();
    const sign = (secret: string) =>
      execFileSync('sh', ['-c', example('sign.sh')], {
        env: { PATH: process.env['PATH']!, RECEIVER: receiver.url, WEBHOOK_SECRET: secret },
      })
        .toString()
        .trim();
    expect(sign(OTHER)).toBe('400');
    expect(sign(SECRET)).toBe('204');
    expect(await receiver.line()).toBe('job.canceled test canceled');
  });
});
