import { expect, it } from 'vitest';
import { describeChange, type Equivalent, type Mutant } from './mutant.ts';
import { report } from './report.ts';

const mutant = (change: string, status: Mutant['status'], more: Partial<Mutant> = {}): Mutant => ({
  file: 'a.ts',
  line: 1,
  text: 'f(b > c);',
  change,
  status,
  ...more,
});
const named = ({ file, text, change }: Mutant): Equivalent => ({ file, text, change, why: 'it is' });
const alive = mutant('b > c → b >= c', 'survived');
const killed = Array.from({ length: 17 }, (_, i) => mutant(`${i}`, 'killed'));
const everything = () => true;

it('passes at 85 % and shows each survivor', () => {
  const others = [alive, mutant('x', 'not covered', { line: 7 }), mutant('y', 'survived')];
  const { text, passed } = report('p', [...killed, ...others], [], everything);
  expect(passed).toBe(true);
  expect(text.split('\n')).toEqual([
    'a.ts:1 f(b > c);',
    '    b > c → b >= c',
    'a.ts:7 (no test runs it) f(b > c);',
    '    x',
    'a.ts:1 f(b > c);',
    '    y',
    'p: 85.0 % of 20 mutants killed (0 of 17 by a time-out); 2 survived, 1 no test runs; with 0 equivalent ones 85.0 %',
  ]);
});

it('fails below 85 %', () => {
  const others = [alive, alive, alive, alive];
  expect(report('p', [...killed, ...others], [], everything).passed).toBe(false);
});

it('leaves equivalent mutants out of the score, and counts them beside it', () => {
  const { text, passed } = report('p', [mutant('x', 'killed'), { ...alive }], [named(alive)], everything);
  expect(passed).toBe(true);
  expect(text).toBe(
    'p: 100.0 % of 1 mutants killed (0 of 1 by a time-out); 0 survived, 0 no test runs; with 1 equivalent ones 50.0 %',
  );
});

it.each([
  ['no mutant', [], [named(alive)], 'a.ts: 0 mutants instead of 1'],
  ['two mutants', [alive, alive], [named(alive)], 'a.ts: 2 mutants instead of 1'],
  ['a mutant that a test kills', [mutant('x', 'killed')], [named(mutant('x', 'killed'))], 'a.ts:1 is not equivalent'],
])('fails over an entry of the list that names %s', (_, mutants, list, fault) => {
  const { text, passed } = report('p', [...killed, ...mutants.map((each) => ({ ...each }))], list, everything);
  expect(passed).toBe(false);
  expect(text).toContain(`equivalent/p.json: ${fault}`);
});

it('lets entries of files alone that were not mutated', () => {
  expect(report('p', killed, [named(alive)], (file) => file === 'b.ts').passed).toBe(true);
});

it('describes a change on one line', () => {
  expect(describeChange('{\n  f();\n}', '{}')).toBe('{ f(); } → {}');
  expect(describeChange('f()', '')).toBe('f() → nothing');
  expect(describeChange('x'.repeat(500), 'y').length).toBe(160 + ' …  → y'.length);
});
