/**
 * Lua scripts as typed calls. A script is a .lua file beside the TypeScript that defines it: its arguments have names and types in
 * both languages, and its reply is parsed in one place.
 *
 * In Lua, `args` is a table with the declared arguments, and every constant of constants.ts that the text mentions is a local of
 * the same name. `--- @include` inserts another file (load-lua.ts).
 */
import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { loadLua } from './load-lua.ts';
import { luaConstants } from './lua-constants.ts';
import { hasLongBytes, UncopiedCommand } from './uncopied-command.ts';

/** What ioredis can send. */
type ArgValue = string | number | Uint8Array;

/** One argument: how TypeScript sends it and Lua reads it. */
export interface Arg<T> {
  /** Entries of ARGV that it takes. */
  readonly width: number;
  encode(value: T): ArgValue[];
  /** @param at Lua expression: index of its first entry in ARGV. @returns the Lua expression of its value */
  lua(at: string): string;
}

/** Arguments by name, in the order in which they are sent. */
export type Args = Record<string, Arg<never>>;

type ValueOf<A> = A extends Arg<infer T> ? T : never;
type OptionalNames<A> = { [Name in keyof A]: undefined extends ValueOf<A[Name]> ? Name : never }[keyof A];
/** What a caller passes. Optional arguments may be left out. */
export type ValuesOf<A> = { [Name in Exclude<keyof A, OptionalNames<A>>]: ValueOf<A[Name]> } & {
  [Name in OptionalNames<A>]?: ValueOf<A[Name]>;
};

const single = <T>(encode: (value: T) => ArgValue, lua: (entry: string) => string): Arg<T> => ({
  width: 1,
  encode: (value) => [encode(value)],
  lua: (at) => lua(`ARGV[${at}]`),
});

/** A string in both languages. */
export const text = single<string>(
  (value) => value,
  (entry) => entry,
);

/** A number in both languages. */
export const number = single<number>(
  (value) => value,
  (entry) => `tonumber(${entry})`,
);

/** A boolean in both languages. */
export const flag = single<boolean>(
  (value) => (value ? 1 : 0),
  (entry) => `(${entry} == '1')`,
);

/** Bytes; a string in Lua. */
export const bytes = single<Uint8Array>(
  // ioredis sends a Buffer as it is and would turn other bytes into text.
  (value) => (Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength)),
  (entry) => entry,
);

/** Anything that JSON can say; its text in Lua. */
export const json = <T>(): Arg<T> =>
  single<T>(
    (value) => JSON.stringify(value),
    (entry) => entry,
  );

/** An argument that may be absent: nil in Lua. Not for a value that is sent as the empty string. */
export const optional = <T>(arg: Arg<T>): Arg<T | null | undefined> => ({
  width: 1,
  encode: (value) => (value === null || value === undefined ? [''] : arg.encode(value)),
  lua: (at) => `(ARGV[${at}] ~= '' and ${arg.lua(at)} or nil)`,
});

/** Several values under one name: a table in Lua. */
export const group = <A extends Args>(args: A): Arg<ValuesOf<A>> => ({
  width: widthOf(args),
  encode: (values) => encodeAll(args, values),
  lua: (at) => tableOf(args, at),
});

/** Any number of groups: an array of tables in Lua. Must be the last argument. */
export const list = <A extends Args>(args: A): Arg<readonly ValuesOf<A>[]> => ({
  width: Number.POSITIVE_INFINITY,
  encode: (rows) => rows.flatMap((row) => encodeAll(args, row)),
  lua: (at) =>
    `(function() local rows = {} for at = ${at}, #ARGV, ${widthOf(args)} do rows[#rows + 1] = ${tableOf(args, 'at')} end return rows end)()`,
});

const widthOf = (args: Args) => Object.values(args).reduce((sum, { width }) => sum + width, 0);

function encodeAll<A extends Args>(args: A, values: ValuesOf<A>): ArgValue[] {
  return Object.entries(args).flatMap(([name, arg]) => arg.encode(values[name as keyof ValuesOf<A>] as never));
}

/** The Lua table of all arguments. */
function tableOf(args: Args, at: string): string {
  let offset = 0;
  const fields = Object.entries(args).map(([name, arg]) => {
    const field = `${name} = ${arg.lua(offset ? `${at} + ${offset}` : at)}`;
    offset += arg.width;
    return field;
  });
  return `{ ${fields.join(', ')} }`;
}

export interface ScriptDefinition<A extends Args, Reply> {
  /** `new URL('./name.lua', import.meta.url)` */
  file: URL;
  args: A;
  /** Parses what the script returns: numbers, strings, null and arrays of them. */
  reply: (reply: never) => Reply;
  /** Strings of the reply come as Buffers. */
  buffers?: boolean;
}

/** A script that `Scripts.run` can call. */
export interface Script<Values, Reply> {
  /** Unique: its folder and file. */
  readonly name: string;
  /** What Redis runs: includes, constants and the table of arguments put in. */
  readonly lua: string;
  /** SHA-1 of the text, by which Redis knows it once it has run. */
  readonly sha: string;
  readonly buffers: boolean;
  encode(values: Values): ArgValue[];
  reply(reply: unknown): Reply;
}

/**
 * Declares a script. Its file is read at the first call.
 * @example
 * const cancelScript = defineScript({
 *   file: new URL('./cancel.lua', import.meta.url),
 *   args: { id: text, onlyQueued: flag },
 *   reply: (reply: number) => reply === 1,
 * });
 * const canceled = await scripts.run(cancelScript, { id, onlyQueued: false });
 */
export function defineScript<A extends Args, Reply>(
  definition: ScriptDefinition<A, Reply>,
): Script<ValuesOf<A>, Reply> {
  const { file, args, reply, buffers = false } = definition;
  let lua: string | null = null;
  let sha: string | null = null;
  return {
    name: file.pathname
      .split('/')
      .slice(-2)
      .join('/')
      .replace(/\.lua$/, ''),
    get lua() {
      lua ??= textOf(file, args);
      return lua;
    },
    get sha() {
      sha ??= createHash('sha1').update(this.lua).digest('hex');
      return sha;
    },
    buffers,
    encode: (values) => encodeAll(args, values),
    reply: reply as (reply: unknown) => Reply,
  };
}

function textOf(file: URL, args: Args): string {
  const body = loadLua(file);
  const table = Object.keys(args).length ? `local args = ${tableOf(args, '1')}\n` : '';
  return luaConstants(body) + table + body;
}

/** For scripts that return 1 when they did what they were called for, else 0. */
export const isOne = (reply: number): boolean => reply === 1;

type Commands = Record<string, (...args: unknown[]) => Promise<unknown>>;

/** Runs scripts on one connection, for one installation's prefix. */
export class Scripts {
  readonly #redis: Redis;
  readonly #prefix: string;
  readonly #defined = new Set<string>();

  constructor(redis: Redis, prefix: string) {
    this.#redis = redis;
    this.#prefix = prefix;
  }

  async run<Values, Reply>(script: Script<Values, Reply>, values: Values): Promise<Reply> {
    const args = [this.#prefix, ...script.encode(values)];
    return script.reply(await (hasLongBytes(args) ? this.#runUncopied(script, args) : this.#run(script, args)));
  }

  #run<Values, Reply>(script: Script<Values, Reply>, args: ArgValue[]): Promise<unknown> {
    const name = `fq:${script.name}`;
    if (!this.#defined.has(name)) {
      this.#redis.defineCommand(name, { numberOfKeys: 1, lua: script.lua });
      this.#defined.add(name);
    }
    const commands = this.#redis as unknown as Commands;
    const command = script.buffers ? `${name}Buffer` : name;
    return commands[command]!(...args);
  }

  /** As ioredis' own commands for scripts do: by its hash, and by its text when Redis does not know it. */
  async #runUncopied<Values, Reply>(script: Script<Values, Reply>, args: ArgValue[]): Promise<unknown> {
    const send = (command: string, which: string) => {
      const options = { replyEncoding: script.buffers ? null : ('utf8' as const) };
      return this.#redis.sendCommand(
        new UncopiedCommand(command, [which, 1, ...(args as (string | Buffer)[])], options),
      );
    };
    try {
      return await send('evalsha', script.sha);
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      return await send('eval', script.lua);
    }
  }
}
