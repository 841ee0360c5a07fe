import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { allProcesses, residentBytes } from '../support/processes/process-table.ts';
import { startService } from '../support/processes/service.ts';

const astronaut = readFileSync(new URL('../images/astronaut.png', import.meta.url));

describe('the whole service', () => {
  it('reports which port is in use and what to do, and leaves nothing running', async () => {
    const before = new Set(allProcesses().map(({ pid }) => pid));
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as { port: number };
    try {
      const refused = startService({ PORT: String(port), ENGINES: '1' });
      await expect(refused).rejects.toThrow(new RegExp(`port ${port} on 127\\.0\\.0\\.1 is taken.*PORT`));
    } finally {
      other.close();
    }
    const ours = /apps\/(api|worker|cli)\/|^redis-server/;
    const left = () =>
      allProcesses().filter(({ pid, parent, command }) => !before.has(pid) && parent === 1 && ours.test(command));
    await expect.poll(left, { timeout: 10_000 }).toEqual([]);
  });

  it.each([
    ['ENGINE_TIMEOUT', '30d', 'a duration from 1s to 1h'],
    ['SYNC_WAIT', '0s', 'a duration from 100ms to 1h'],
  ])('does not start with %s=%s, and prints the least and the most', async (name, value, expected) => {
    await expect(startService({ [name]: value })).rejects.toThrow(`${name} is "${value}"; expected ${expected}`);
  });

  it('answers on the same port after its worker was killed, and takes less than 110 MB itself', async () => {
    await using service = await startService({ ENGINES: '1' });
    // 75 MB, at the first start of a checkout 90; with what reads its command line and settings, from 120 on.
    await expect.poll(() => residentBytes(service.pid) / 1e6).toBeLessThan(110);
    const engines = service.engines();
    process.kill(service.worker().pid, 'SIGKILL');
    const response = await fetch(`${service.url}/face_detection`, {
      method: 'POST',
      headers: { 'content-type': 'image/png' },
      body: astronaut,
    });
    expect(response.status).toBe(200);
    expect(((await response.json()) as { Faces: unknown[] }).Faces).toHaveLength(1);
    const pids = new Set(allProcesses().map(({ pid }) => pid));
    expect(engines.filter(({ pid }) => pids.has(pid))).toEqual([]);
    expect(await service.stop()).toBe(0);
  });
});
