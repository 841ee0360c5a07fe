import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));

/** Each copies the tree and starts vitest: 15 s on an idle machine, ms. */
const LONG = 180_000;

/** What a run over fixture/ prints below its progress, and its exit status. */
function mutated(name: string): Promise<{ code: unknown; report: string[] }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, name, '--fresh'], { env: { PATH: process.env['PATH'] } }, (error, stdout) => {
      const lines = stdout.trimEnd().split('\n');
      resolve({
        code: error?.code ?? 0,
        report: lines.slice(lines.findIndex((line) => line.startsWith('test/mutation/'))),
      });
    });
  });
}

it(
  'shows the mutants of TypeScript that no test kills, in processes of the tests too',
  async () => {
    expect(await mutated('fixture')).toEqual({
      code: 0,
      report: [
        'test/mutation/fixture/share.ts:3 if (whole === 0) return 0;',
        '    whole === 0 → false',
        expect.stringMatching(
          /^fixture: 90\.9 % of 11 mutants killed .*; 1 survived, 0 no test runs; with 1 equivalent/,
        ),
      ],
    });
  },
  LONG,
);

it(
  'shows the mutants of Lua that no test kills, and fails below 85 %',
  async () => {
    expect(await mutated('lua-fixture')).toEqual({
      code: 1,
      report: [
        "test/mutation/fixture/double.lua:2 if ARGV[1] == '' then return redis.call('DEL', KEYS[1]) end",
        "    condition: ARGV[1] == '' → false",
        expect.stringMatching(/^lua-fixture: 80\.0 % of 5 mutants killed .*; 1 survived, 0 no test runs/),
      ],
    });
  },
  LONG,
);
