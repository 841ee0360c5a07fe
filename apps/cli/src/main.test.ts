import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { facequeue } from './testing/facequeue.ts';

describe('facequeue', () => {
  it('prints its version', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
    expect(await facequeue(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  it('lists its commands', async () => {
    const { code, stdout } = await facequeue(['help']);
    expect(code).toBe(0);
    for (const command of ['serve', 'detect', 'ingest', 'jobs', 'models'])
      expect(stdout).toMatch(new RegExp(`^ +${command} `, 'm'));
  });

  it('prints the options of a command with help and --help', async () => {
    const { stdout } = await facequeue(['help', 'detect']);
    expect(stdout).toMatch(/--min-face-size PX/);
    expect((await facequeue(['detect', '--help'])).stdout).toBe(stdout);
  });

  it('prints the commands and exits with 2 when none is given', async () => {
    expect(await facequeue([])).toMatchObject({ code: 2, stdout: expect.stringMatching(/detect/) });
  });

  it.each([
    [['sevre'], /no command "sevre".*serve, detect/],
    [['help', 'sevre'], /no command "sevre"/],
    [['serve', '--port', '80'], /Unknown option '--port'/],
    [['serve', 'now'], /takes no arguments/],
    [['models'], /verify, list/],
    [['models', 'verify', 'twice'], /verify, list/],
    [['detect'], /needs a FILE/],
    [['detect', '--color', 'x.jpg'], /Unknown option '--color'/],
    [['detect', '--profile', 'slow', 'x.jpg'], /--profile slow: .*balanced/],
    [['detect', '--max-faces', 'many', 'x.jpg'], /--max-faces many: /],
    [['detect', '--min-confidence', '', 'x.jpg'], /--min-confidence : /],
    [['detect', '--draw', 'out.gif', 'x.jpg'], /\.png or \.jpg/],
    [['jobs'], /submit, status, wait, follow, cancel, erase/],
    [['jobs', 'sumbit', 'x.jpg'], /submit, status/],
    [['jobs', 'submit'], /needs a FILE/],
    [['jobs', 'submit', '--wait', 'long', 'x.jpg'], /--wait long: /],
    [['jobs', 'submit', '--profile', 'slow', 'x.jpg'], /--profile slow: .*balanced/],
    [['jobs', 'submit', '--server', 'localhost:8080', 'x.jpg'], /--server localhost:8080: .*http:/],
    [['jobs', 'submit', '--idempotency-key', 'k', 'x.jpg', 'y.jpg'], /one image/],
    [['jobs', 'status'], /needs the ID/],
    [['jobs', 'status', '--timeout', '1', 'x'], /--timeout is for jobs wait/],
    [['jobs', 'follow', 'x', 'y'], /one ID/],
    [['detect', '--device', 'abacus', 'x.jpg'], /DEVICE.*"abacus".*cpu/],
  ])('refuses %j and exits with 2', async (args, complaint) => {
    const { code, stdout, stderr } = await facequeue(args);
    expect(stderr).toMatch(complaint);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).not.toMatch(/^ +at /m);
  });

  it('names a bad variable and exits with 2', async () => {
    const { code, stderr } = await facequeue(['serve'], { REDIS_URL: 'localhost' });
    expect(stderr).toMatch(/REDIS_URL.*redis:\/\/host:6379/);
    expect(code).toBe(2);
  });

  it('does not print the API key', async () => {
    const { stdout, stderr } = await facequeue(['jobs', 'status', 'x'], {
      FACEQUEUE_URL: 'http://127.0.0.1:1',
      FACEQUEUE_API_KEY: 'secret',
    });
    expect(stdout + stderr).not.toMatch(/secret/);
  });
});
