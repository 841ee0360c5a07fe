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
    for (const command of ['serve', 'detect', 'ingest', 'watch', 'jobs', 'keys', 'eval', 'models'])
      expect(stdout).toMatch(new RegExp(`^ +${command} `, 'm'));
  });

  it.each([
    [['detect'], /--min-face-size <PX>/],
    [['jobs'], /follow .*each change of a job/],
    [['jobs', 'submit'], /--idempotency-key <KEY>/],
  ])('prints the help of %j with help and --help', async (command, text) => {
    const { code, stdout } = await facequeue(['help', ...command]);
    expect(stdout).toMatch(text);
    expect(code).toBe(0);
    expect(await facequeue([...command, '--help'])).toEqual({ code: 0, stdout, stderr: '' });
  });

  it.each([[['detect', '--max-faces', '0', '-h']], [['jobs', 'submit', '--server', 'nowhere', '--help']]])(
    'prints help for %j, whatever else is wrong',
    async (words) => {
      const { code, stdout } = await facequeue(words);
      expect(code).toBe(0);
      expect(stdout).toContain('--min-face-size');
    },
  );

  it.each([
    [['ingest', 'a.jpg', '--out', '--quiet'], /'--out' is followed by --quiet; write --out=--quiet/],
    [['jobs', 'submit', '--api-key', '--json', 'a.jpg'], /'--api-key' is followed by --json[\s\S]*/],
    [['detect', 'a.jpg', '-v'], /unknown option '-v'[\s\S]*help detect/],
    [['jobs', 'submit', '--wiat', '3', 'a.jpg'], /unknown option '--wiat'[\s\S]*help jobs submit/],
  ])('refuses %j with 2', async (words, text) => {
    const { code, stderr } = await facequeue(words);
    expect(stderr).toMatch(text);
    expect(code).toBe(2);
  });

  it('prints the commands and exits with 2 when none is given', async () => {
    const { stdout } = await facequeue(['help']);
    expect(stdout).toMatch(/detect/);
    expect(await facequeue([])).toEqual({ code: 2, stdout, stderr: '' });
  });

  it.each([
    [['sevre'], /unknown command 'sevre'\n\(Did you mean serve\?\)[\s\S]*serve, detect/],
    [['help', 'sevre'], /unknown command 'sevre'/],
    [['serve', '--port', '80'], /unknown option '--port'[\s\S]*environment variables/],
    [['serve', 'now'], /too many arguments for 'serve'[\s\S]*environment variables/],
    [['models'], /verify[\s\S]*list/],
    [['models', 'verify', 'twice'], /too many arguments for 'verify'/],
    [['detect'], /missing required argument 'FILE\|DIR\|URL'[\s\S]*help detect/],
    [['detect', '--color', 'x.jpg'], /unknown option '--color'/],
    [['detect', '--profile', 'slow', 'x.jpg'], /--profile <NAME>' argument 'slow' is invalid.*balanced/],
    [['detect', '--max-faces', 'many', 'x.jpg'], /--max-faces <N>' argument 'many' is invalid\. .*number/],
    [['detect', '--min-confidence', '', 'x.jpg'], /--min-confidence <N>' argument '' is invalid\. .*number/],
    [['detect', '--draw', 'out.gif', 'x.jpg'], /\.png or \.jpg/],
    [['jobs'], /submit[\s\S]*status[\s\S]*wait[\s\S]*follow[\s\S]*cancel[\s\S]*erase/],
    [['jobs', 'sumbit', 'x.jpg'], /unknown command 'sumbit'\n\(Did you mean submit\?\)/],
    [['jobs', 'submit'], /missing required argument 'FILE\|DIR\|URL'/],
    [['jobs', 'submit', '--wait', 'long', 'x.jpg'], /--wait <SECONDS>' argument 'long' is invalid/],
    [['jobs', 'submit', '--wait', '31536001', 'x.jpg'], /argument '31536001' is invalid\. .*from 0 to 31536000/],
    [['jobs', 'wait', '--timeout', '1e9', 'x'], /argument '1e9' is invalid\. .*seconds from 0 to 31536000/],
    [['jobs', 'submit', '--profile', 'slow', 'x.jpg'], /--profile <NAME>' argument 'slow' is invalid.*balanced/],
    [['jobs', 'submit', '--server', 'localhost:8080', 'x.jpg'], /--server <URL>' argument 'localhost:8080' .*http:/],
    [['jobs', 'submit', '--idempotency-key', 'k', 'x.jpg', 'y.jpg'], /one image/],
    [['jobs', 'status'], /missing required argument 'ID'/],
    [['jobs', 'status', '--timeout', '1', 'x'], /unknown option '--timeout'/],
    [['jobs', 'follow', 'x', 'y'], /too many arguments for 'follow'. Expected 1/],
    [['ingest'], /needs a DIR, GLOB, FILE or URL, or --from/],
    [['ingest', '--retry-failed', 'x.jpg'], /--retry-failed needs --out/],
    [['ingest', '--format', 'xml', 'x.jpg'], /--format <NAME>' argument 'xml' is invalid.*ndjson, csv/],
    [['detect', '--device', 'abacus', 'x.jpg'], /DEVICE.*"abacus".*cpu/],
  ])('refuses %j and exits with 2', async (args, complaint) => {
    const { code, stdout, stderr } = await facequeue(args);
    expect(stderr).toMatch(complaint);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).not.toMatch(/^ +at /m);
  });

  it('names a bad variable and exits with 2', async () => {
    const { code, stderr } = await facequeue(['serve'], { REDIS_URL: 'localhost' });
    expect(stderr).toMatch(/REDIS_URL.*redis:\/\/127\.0\.0\.1:6379/);
    expect(code).toBe(2);
  });

  it.each([
    ['SHUTDOWN_GRACE', '2d', 'a duration from 0s to 1d'],
    ['REDIS_MAXMEMORY', '1mb', 'a size from 10mb to 1tb, or 0'],
  ])('names the least and the most of %s when serve gets %s, and exits with 2', async (name, value, expected) => {
    const { code, stderr } = await facequeue(['serve'], { [name]: value });
    expect(stderr).toContain(`${name} is "${value}"; expected ${expected}`);
    expect(code).toBe(2);
  });

  it('says what is wrong with a # in REDIS_URL without printing the password', async () => {
    const { code, stdout, stderr } = await facequeue(['serve'], { REDIS_URL: 'redis://:hunt#er2@127.0.0.1:6379' });
    expect(stderr).toMatch(/REDIS_URL is wrong.*%23/);
    expect(stdout + stderr).not.toMatch(/hunt|er2/);
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
