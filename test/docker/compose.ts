/**
 * `npm run test:compose`: builds the images, starts docker-compose.yml with two workers on a free port, posts the
 * README's picture, scales to one worker and back, and takes everything down. Needs Docker with compose.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { promisify } from 'node:util';

const ROOT = new URL('../..', import.meta.url).pathname;
const astronaut = readFileSync(`${ROOT}test/images/astronaut.png`);

const port = await new Promise<number>((resolve) => {
  const probe = createServer().listen(0, '127.0.0.1', () => {
    const { port } = probe.address() as { port: number };
    probe.close(() => resolve(port));
  });
});
const env = { ...process.env, PORT: String(port), COMPOSE_PROJECT_NAME: `facequeue-test-${process.pid}`, ENGINES: '1' };
const url = `http://127.0.0.1:${port}`;

async function compose(...words: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('docker', ['compose', ...words], {
    cwd: ROOT,
    env,
    maxBuffer: 64 << 20,
  });
  return stdout;
}

/** Asks again until `probe` says true. Waiting for containers has no event to wait for. */
async function until(what: string, probe: () => Promise<boolean>) {
  for (const deadline = Date.now() + 120_000; Date.now() < deadline; ) {
    if (await probe().catch(() => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  throw new Error(`${what}: not within 120 s`);
}

async function expectOneFace() {
  const response = await fetch(`${url}/face_detection`, {
    method: 'POST',
    headers: { 'content-type': 'image/png' },
    body: astronaut,
  });
  const text = await response.text();
  if (response.status !== 200 || JSON.parse(text).Faces.length !== 1)
    throw new Error(`expected one face, got ${response.status} ${text}`);
}

const workersSeen = async () =>
  ((await (await fetch(`${url}/system`)).json()) as { workers: unknown[] }).workers.length;

try {
  await compose('up', '--build', '--detach', '--scale', 'worker=2');
  await until('ready', async () => (await fetch(`${url}/readyz`)).ok);
  await expectOneFace();
  await until('two workers', async () => (await workersSeen()) === 2);
  await compose('up', '--detach', '--scale', 'worker=1');
  await expectOneFace();
  await compose('up', '--detach', '--scale', 'worker=2');
  await expectOneFace();
  const images = JSON.parse(await compose('images', '--format', 'json')) as { Repository: string; Size: number }[];
  for (const { Repository, Size } of images) console.log(`${Repository} ${Math.round(Size / 1e6)} MB`);
  console.log('docker compose serves; scaling works');
} catch (error) {
  console.error(await compose('logs', '--tail', '50').catch(String));
  throw error;
} finally {
  await compose('down', '--volumes', '--timeout', '5');
}
