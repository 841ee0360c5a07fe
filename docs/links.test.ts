import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const git = (...words: string[]) => execFileSync('git', words, { cwd: ROOT, encoding: 'utf8' }).trim().split('\n');
/** Tracked and new pages; a deleted one that git still lists is gone. */
const PAGES = git('ls-files', '--cached', '--others', '--exclude-standard', '*.md').filter((file) =>
  existsSync(join(ROOT, file)),
);

/** The page without its code, in which a bracket is no link. */
const prose = (page: string) => page.replaceAll(/^```.*?^```$/gms, '').replaceAll(/`[^`\n]*`/g, '');

/** The names by which headings of a page can be linked, as GitHub makes them. */
function anchors(page: string): string[] {
  return [...page.replaceAll(/^```.*?^```$/gms, '').matchAll(/^#+ +(.+)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(' ', '-'),
  );
}

/** The relative links of a page that lead nowhere. */
function brokenLinks(file: string): string[] {
  const page = readFileSync(join(ROOT, file), 'utf8');
  const links = [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target!);
  return links.filter((link) => {
    if (/^[a-z]+:/.test(link)) return false;
    const [path, anchor] = link.split('#') as [string, string?];
    const target = path ? join(ROOT, dirname(file), path) : join(ROOT, file);
    if (!existsSync(target)) return true;
    if (anchor === undefined || statSync(target).isDirectory()) return false;
    return !anchors(readFileSync(target, 'utf8')).includes(anchor);
  });
}

/** Paths of the repository that a page names in backquotes and that are not there. */
function missingPaths(file: string): string[] {
  const page = readFileSync(join(ROOT, file), 'utf8').replaceAll(/^```.*?^```$/gms, '');
  const named = [...page.matchAll(/`((?:apps|packages|test|bench|docs|setup|deploy|models)\/[\w./-]+)`/g)];
  return named.map(([, path]) => path!).filter((path) => !existsSync(join(ROOT, path)));
}

describe('the pages', () => {
  it.each(PAGES)('%s links to what is there', (file) => expect(brokenLinks(file)).toEqual([]));
  it.each(PAGES.filter((file) => file !== 'CHANGELOG.md'))('%s names files and folders that exist', (file) => {
    expect(missingPaths(file)).toEqual([]);
  });
});
