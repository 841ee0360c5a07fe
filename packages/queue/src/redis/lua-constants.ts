import { CONSTANTS } from '../constants.ts';

/** Lua statements that define the constants a text mentions. */
export function luaConstants(text: string): string {
  const mentioned = Object.entries(CONSTANTS).filter(([name]) => new RegExp(`\\b${name}\\b`).test(text));
  return mentioned.map(([name, value]) => `local ${name} = ${literal(value)}\n`).join('');
}

/** A value as a Lua literal. */
function literal(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  // JSON's escapes of printable text are Lua's too.
  if (typeof value === 'string') return JSON.stringify(value);
  if (Array.isArray(value)) return `{ ${value.map(literal).join(', ')} }`;
  const fields = Object.entries(value as object).map(([key, each]) => `[${literal(key)}] = ${literal(each)}`);
  return `{ ${fields.join(', ')} }`;
}
