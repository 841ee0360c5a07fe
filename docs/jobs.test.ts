/** The commands of jobs.md, run as they stand there, in one shell, against a whole service. */
import { execFile, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { startService } from '../test/support/service.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PAGE = readFileSync(new URL('jobs.md', import.meta.url), 'utf8');
const HAS_CURL = spawnSync('curl', ['--version']).error === undefined;
const ID = '[0-9a-f]{8}-[0-9a-f-]{27}';

/** What each group of commands prints, by the heading it stands under. */
const EXPECTED: Record<string, RegExp> = {
  Jobs: /^$/,
  'Wait, or come back': new RegExp(
    String.raw`^HTTP/1\.1 202 Accepted\r\n.*X-Job-Id: (${ID})\r\nLocation: /jobs/\1\r\n.*` +
      String.raw`Preference-Applied: respond-async\r\n.*\r\n\r\n\{"id":"\1","status":"queued",`,
    's',
  ),
  Look: new RegExp(
    String.raw`^\{"id":"(${ID})","status":"\w+",.*\}\{"id":"\1","status":"succeeded",.*"Faces":\[\{.*"links":\{.*\}\}$`,
  ),
  Follow:
    /^retry: 2000\n\n(id: \d-\w+\nevent: status\ndata: \{"id".*\}\n\n)*id: 1-succeeded\nevent: job\ndata: \{"id":.*"Faces":.*\}\n\n$/,
  'Hand in once': new RegExp(`^200 (${ID})\n200 \\1\n200 \\1\n$`),
  'Cancel, erase': /("status":"canceled"|"code":"conflict").*\}204\n\{.*"code":"gone"/,
  'Command line': new RegExp(
    `^(${ID}  succeeded   test/images/portrait-\\d\\.jpg  1 face, .*\n){2}(${ID}  succeeded   \\d faces?, .*\n){5}` +
      `(\\S+Z  \\w+( \\(attempt 1\\))?\n)*${ID}  succeeded   1 face, .*\n$`,
  ),
};

/** The commands of each heading that has any, in order. */
function commandGroups(): { heading: string; commands: string }[] {
  return PAGE.split(/^#+ /m).flatMap((section) => {
    const heading = section.slice(0, section.indexOf('\n'));
    return [...section.matchAll(/^```bash\n(.*?)^```$/gms)].map(([, commands]) => ({ heading, commands: commands! }));
  });
}

it.skipIf(!HAS_CURL)('the commands of the page do what it says', async () => {
  const groups = commandGroups();
  expect(groups.map(({ heading }) => heading)).toEqual(Object.keys(EXPECTED));
  await using service = await startService();
  const script = groups
    .map(({ commands }) => `${commands}printf '\\0'\n`)
    .join('')
    .replaceAll('http://127.0.0.1:8080', service.url)
    // As npm runs it, without the set-up before it, which could install packages under running tests.
    .replaceAll('npm run -s facequeue --', 'node apps/cli/src/main.ts');
  expect(script).not.toContain('npm ');
  const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', script], {
    cwd: ROOT,
    env: { ...process.env, FACEQUEUE_URL: service.url },
    maxBuffer: 16 << 20,
  });
  for (const [i, printed] of stdout.split('\0').slice(0, -1).entries()) {
    const { heading } = groups[i]!;
    expect(printed, heading).toMatch(EXPECTED[heading]!);
  }
});
