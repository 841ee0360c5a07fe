/** Runs the commands of a page as they stand there, in one shell, against a whole service. */
import { execFile, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startService } from '../test/support/processes/service.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

export const HAS_CURL = spawnSync('curl', ['--version']).error === undefined;

/** What the commands of one block printed, and the heading it stands under. */
export interface Printed {
  heading: string;
  text: string;
}

/**
 * @param page name of a file beside this one; its blocks of `bash` are run
 * @throws when a command fails
 */
export async function runPage(page: string): Promise<Printed[]> {
  const groups = commandGroups(readFileSync(new URL(page, import.meta.url), 'utf8'));
  await using service = await startService();
  const script = groups
    .map(({ commands }) => `${commands}printf '\\0'\n`)
    .join('')
    .replaceAll('http://127.0.0.1:8080', service.url)
    // As npm runs it, without the set-up before it, which could install packages under running tests.
    .replaceAll('npm run -s facequeue --', 'node apps/cli/src/main.ts');
  if (script.includes('npm ')) throw new Error('the page has a command of npm that cannot be run here');
  const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', script], {
    cwd: ROOT,
    env: { ...process.env, FACEQUEUE_URL: service.url },
    maxBuffer: 16 << 20,
  });
  const printed = stdout.split('\0');
  return groups.map(({ heading }, i) => ({ heading, text: printed[i]! }));
}

/** The commands of each heading that has any, in order. */
function commandGroups(page: string): { heading: string; commands: string }[] {
  return page.split(/^#+ /m).flatMap((section) => {
    const heading = section.slice(0, section.indexOf('\n'));
    return [...section.matchAll(/^```bash\n(.*?)^```$/gms)].map(([, commands]) => ({ heading, commands: commands! }));
  });
}
