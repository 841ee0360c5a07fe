import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ALLOWED } from './allowed.ts';
import { declaredNames, luaNames, wordsOf } from './names.ts';
import { RETIRED } from './retired-words.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const retiredIn = (name: string) => wordsOf(name).filter((word) => Object.hasOwn(RETIRED, word));
const fault = (file: string, name: string, words: string[]) =>
  `${file}: ${name} (${words.map((word) => `${word}: say ${RETIRED[word]}`).join('; ')})`;

/** Files that git tracks or would add. Those of this folder name the retired words. */
function files(): string[] {
  const list = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: ROOT });
  return list
    .toString()
    .split('\0')
    .filter((path) => path && !path.startsWith('test/vocabulary/'));
}

describe('the vocabulary', () => {
  it('has no retired word in a file name', () => {
    const faults = files().flatMap((path) => {
      const words = retiredIn(path);
      return words.length ? [fault(path, path, words)] : [];
    });
    expect(faults).toEqual([]);
  });

  it('has no retired word in an identifier, except those allowed', () => {
    const faults: string[] = [];
    const used = new Set<string>();
    for (const path of files().filter((file) => /\.(ts|js|cjs|mjs|lua)$/.test(file))) {
      const source = readFileSync(`${ROOT}${path}`, 'utf8');
      for (const name of path.endsWith('.lua') ? luaNames(source) : declaredNames(source, path)) {
        const words = retiredIn(name);
        if (!words.length) continue;
        if (Object.hasOwn(ALLOWED, name)) used.add(name);
        else faults.push(fault(path, name, words));
      }
    }
    expect(faults).toEqual([]);
    expect(
      Object.keys(ALLOWED).filter((name) => !used.has(name)),
      'allowed, but used nowhere',
    ).toEqual([]);
  });
});

describe('the names of a file', () => {
  it('are what it declares, not what it refers to', () => {
    const source = `
      import { once, on as listen } from 'node:events';
      // holdOn, 'held'
      export async function runAll({ first, rest: [second], ...others }: Options, last = 1) {
        const text = \`told \${first}\`;
        await once(emitter, 'ring');
        return { member: text.turn, method() {} };
      }
      interface Options { first: string; rest(): void }
      class Loop { #private = 1; get open() { return this.#private } }
    `;
    expect([...declaredNames(source, 'a.ts')].sort()).toEqual([
      'Loop',
      'Options',
      'first',
      'last',
      'listen',
      'member',
      'method',
      'open',
      'others',
      'private',
      'rest',
      'runAll',
      'second',
      'text',
    ]);
  });

  it('are locals, functions and parameters in Lua', () => {
    const source = `
      -- local held
      local first, second = redis.call('GET', 'turn'), 2
      local function third(fourth) for _, fifth in ipairs(fourth) do end end
    `;
    expect([...luaNames(source)].sort()).toEqual(['_', 'fifth', 'first', 'fourth', 'second', 'third']);
  });

  it('are split into words', () => {
    expect(wordsOf('carryTask-HTTPServer_two2go')).toEqual(['carry', 'task', 'http', 'server', 'two', 'go']);
  });
});
