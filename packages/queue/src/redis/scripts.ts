/** Loads the Lua scripts of ../scripts and calls them. A script's file says what it takes, returns and keeps true. */
import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';

const NAMES = [
  'submit',
  'abort',
  'claim',
  'start',
  'finish',
  'release',
  'cancel',
  'erase',
  'take-deliveries',
  'report-delivery',
  'create-batch',
  'append-batch',
  'settle-batch',
  'close-batch',
  'stop-batch',
  'drain-batch',
  'take-task',
  'keep-task',
  'end-task',
  'submit-frame',
  'sweep',
  'snapshot',
  'heartbeat',
  'first-start',
] as const;
export type ScriptName = (typeof NAMES)[number];

const INCLUDE = /^--- @include (\S+)$/gm;

const read = (file: string) => readFileSync(new URL(`../scripts/${file}.lua`, import.meta.url), 'utf8');

/** A script with the fragments of scripts/lib it names put in. */
export function scriptText(name: ScriptName): string {
  return read(name).replace(INCLUDE, (_, fragment: string) => read(`lib/${fragment}`));
}

type Call = (name: ScriptName, ...args: (string | number | Uint8Array)[]) => Promise<unknown>;

/** Scripts of one connection, bound to one installation's prefix. */
export type Scripts = Call & {
  /** As the call itself; strings of the answer come as Buffers. */
  buffers: Call;
};

type Commands = Record<string, (...args: unknown[]) => Promise<unknown>>;

export function scriptsOn(redis: Redis, prefix: string): Scripts {
  for (const name of NAMES) redis.defineCommand(`fq:${name}`, { numberOfKeys: 1, lua: scriptText(name) });
  const commands = redis as unknown as Commands;
  const call: Call = (name, ...args) => commands[`fq:${name}`]!(prefix, ...args.map(sendable));
  const buffers: Call = (name, ...args) => commands[`fq:${name}Buffer`]!(prefix, ...args.map(sendable));
  return Object.assign(call, { buffers });
}

/** ioredis sends a Buffer as it is and would turn other bytes into text. */
function sendable(value: string | number | Uint8Array): string | number | Buffer {
  if (!(value instanceof Uint8Array) || Buffer.isBuffer(value)) return value;
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}
