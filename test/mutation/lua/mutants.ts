/** Every small way to break a Lua script that is looked at: each a change to its text. */
import { type Token, tokenize } from './tokens.ts';

/** Replaces the characters from `start` to `end`. */
export interface Change {
  kind: 'condition' | 'constant' | 'comparison' | 'call' | 'logic';
  start: number;
  end: number;
  replacement: string;
}

/** @param constants names of numbers that are defined elsewhere */
export function luaMutants(text: string, constants: ReadonlySet<string>): Change[] {
  const tokens = tokenize(text);
  return tokens
    .flatMap((token, at) => [...conditions(tokens, at), ...calls(tokens, at), ...single(tokens, at, token, constants)])
    .toSorted((a, b) => a.start - b.start);
}

export function applyChange(text: string, { start, end, replacement }: Change): string {
  return text.slice(0, start) + replacement + text.slice(end);
}

const is = (token: Token | undefined, ...texts: string[]) =>
  token !== undefined && token.kind !== 'string' && texts.includes(token.text);

/** The condition of an `if` or a loop holds always, or never. */
function conditions(tokens: Token[], at: number): Change[] {
  const end = ({ if: 'then', elseif: 'then', while: 'do' } as Record<string, string>)[keywordAt(tokens, at)];
  if (!end) return [];
  let last = at + 1;
  for (let functions = 0; functions > 0 || !is(tokens[last], end); last++) {
    if (is(tokens[last], 'function', 'if', 'for', 'while')) functions++;
    if (is(tokens[last], 'end')) functions--;
  }
  const range = { start: tokens[at + 1]!.start, end: tokens[last - 1]!.end };
  const now = last === at + 2 ? tokens[at + 1]!.text : '';
  // A loop that never ends says little: any test that comes by hangs.
  return (end === 'do' ? ['false'] : ['true', 'false'])
    .filter((replacement) => replacement !== now && now !== 'true')
    .map((replacement) => ({ kind: 'condition', ...range, replacement }));
}

const keywordAt = (tokens: Token[], at: number) => (tokens[at]!.kind === 'keyword' ? tokens[at]!.text : '');

const COMPARISONS: Record<string, string[]> = {
  '<': ['>=', '<='],
  '<=': ['>', '<'],
  '>': ['<=', '>='],
  '>=': ['<', '>'],
  '==': ['~='],
  '~=': ['=='],
};

/** What becomes of one token, whatever is around it. */
function single(tokens: Token[], at: number, token: Token, constants: ReadonlySet<string>): Change[] {
  const { kind, text, start, end } = token;
  const change = (of: Change['kind'], replacement: string): Change => ({ kind: of, start, end, replacement });
  // Which entry of a reply or a table is taken is no constant.
  const isIndex = is(tokens[at - 1], '[') && is(tokens[at + 1], ']');
  if (kind === 'number' && !isIndex) return [change('constant', Number(text) === 0 ? '1' : String(Number(text) * 10))];
  if (kind === 'name' && constants.has(text) && !is(tokens[at - 1], '.', ':'))
    return [change('constant', `(${text} * 10)`)];
  if (kind === 'keyword' && text === 'and') return [change('logic', 'or')];
  if (kind === 'keyword' && text === 'or') return [change('logic', 'and')];
  if (kind === 'keyword' && text === 'not') return [{ ...change('logic', ''), end: tokens[at + 1]!.start }];
  if (kind !== 'operator') return [];
  if (text in COMPARISONS) return COMPARISONS[text]!.map((other) => change('comparison', other));
  return [];
}

function endsExpression(token: Token | undefined): boolean {
  if (!token) return false;
  return ['name', 'number', 'string'].includes(token.kind) || is(token, ')', ']', '}', 'nil', 'true', 'false', '...');
}

/** A statement that is a call is left out. */
function calls(tokens: Token[], at: number): Change[] {
  if (tokens[at]!.kind !== 'name' || !beginsStatement(tokens, at)) return [];
  let isCall = false;
  let next = at + 1;
  for (;;) {
    const token = tokens[next];
    if (is(token, '.', ':')) {
      next += 2;
      isCall = false;
    } else if (is(token, '(', '[')) {
      isCall = is(token, '(');
      next = closing(tokens, next) + 1;
    } else if (isCall && !is(token, '=', ',')) {
      return [{ kind: 'call', start: tokens[at]!.start, end: tokens[next - 1]!.end, replacement: '' }];
    } else return [];
  }
}

function beginsStatement(tokens: Token[], at: number): boolean {
  const before = tokens[at - 1];
  return !before || endsExpression(before) || is(before, 'then', 'else', 'do', 'repeat', 'end', ';', 'break');
}

/** @returns the index of the bracket that closes the one at `at` */
function closing(tokens: Token[], at: number): number {
  let depth = 0;
  for (let i = at; ; i++) {
    if (is(tokens[i], '(', '[', '{')) depth++;
    if (is(tokens[i], ')', ']', '}') && --depth === 0) return i;
  }
}

/** A place in a script where control enters a block. */
export interface Block {
  /** Where a statement can be put in. */
  entry: number;
  /** Where the block ends. */
  end: number;
}

/** The blocks of a script, the whole text first. */
export function luaBlocks(text: string): Block[] {
  const tokens = tokenize(text);
  const blocks: Block[] = [{ entry: 0, end: text.length }];
  const open: Block[] = [];
  const enter = (entry: number) => {
    const block = { entry, end: text.length };
    blocks.push(block);
    open.push(block);
  };
  const leave = (token: Token) => {
    open.pop()!.end = token.start;
  };
  tokens.forEach((token, at) => {
    const word = keywordAt(tokens, at);
    if (['end', 'else', 'elseif', 'until'].includes(word)) leave(token);
    if (['then', 'else', 'do', 'repeat'].includes(word)) enter(token.end);
    if (word === 'function')
      enter(
        tokens[
          closing(
            tokens,
            tokens.findIndex((each, i) => i > at && is(each, '(')),
          )
        ]!.end,
      );
  });
  return blocks;
}

/** @returns the index of the innermost block around `offset` */
export function blockAt(blocks: Block[], offset: number): number {
  return blocks.reduce(
    (best, { entry, end }, i) => (entry <= offset && offset < end && entry >= blocks[best]!.entry ? i : best),
    0,
  );
}

/** The script with a statement at the beginning of each block. */
export function probed(text: string, statement: (block: number) => string): string {
  const entries = luaBlocks(text).map(({ entry }, block) => ({ entry, block }));
  return entries
    .toSorted((a, b) => b.entry - a.entry || b.block - a.block)
    .reduce((result, { entry, block }) => `${result.slice(0, entry)} ${statement(block)} ${result.slice(entry)}`, text);
}
