/** The tokens of a Lua text; comments and white space are left out. */
export interface Token {
  kind: 'name' | 'keyword' | 'number' | 'string' | 'operator';
  text: string;
  /** Offsets in the text: of its first character, and of the one after its last. */
  start: number;
  end: number;
}

const KEYWORDS = new Set(
  'and break do else elseif end false for function if in local nil not or repeat return then true until while'.split(
    ' ',
  ),
);

/** Longest first. */
const PATTERN = new RegExp(
  [
    String.raw`(?<skipped>\s+|--\[(?<comment>=*)\[[^]*?\]\k<comment>\]|--[^\n]*)`,
    String.raw`(?<string>'(?:[^'\\\n]|\\[^])*'|"(?:[^"\\\n]|\\[^])*"|\[(?<long>=*)\[[^]*?\]\k<long>\])`,
    String.raw`(?<number>0[xX][\da-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)`,
    String.raw`(?<name>[A-Za-z_]\w*)`,
    String.raw`(?<operator>\.\.\.|\.\.|==|~=|<=|>=|[-+*/%^#<>=(){}[\];:,.])`,
  ].join('|'),
  'y',
);

/** @throws at a character that begins no token */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  PATTERN.lastIndex = 0;
  while (PATTERN.lastIndex < text.length) {
    const start = PATTERN.lastIndex;
    const match = PATTERN.exec(text);
    if (!match) throw new Error(`no Lua token at ${JSON.stringify(text.slice(start, start + 20))}`);
    const { skipped, string, number, name } = match.groups!;
    if (skipped !== undefined) continue;
    const word = match[0];
    const kind =
      string !== undefined
        ? 'string'
        : number !== undefined
          ? 'number'
          : name === undefined
            ? 'operator'
            : KEYWORDS.has(word)
              ? 'keyword'
              : 'name';
    tokens.push({ kind, text: word, start, end: PATTERN.lastIndex });
  }
  return tokens;
}
