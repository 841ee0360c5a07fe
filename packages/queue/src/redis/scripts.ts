/** Loads the Lua scripts of ../scripts and calls them. A script's file says what it takes, returns and keeps true. */
import type { Redis } from 'ioredis';
import { loadLua } from './load-lua.ts';

const FILES = {
  submit: 'job/submit',
  abort: 'job/abort',
  claim: 'job/claim',
  start: 'job/start',
  finish: 'job/finish',
  release: 'job/release',
  cancel: 'job/cancel',
  erase: 'job/erase',
  'take-deliveries': 'webhook/lease',
  'report-delivery': 'webhook/report',
  'create-batch': 'batch/create',
  'append-batch': 'batch/append',
  'settle-batch': 'batch/settle',
  'close-batch': 'batch/close',
  'stop-batch': 'batch/stop',
  'drain-batch': 'batch/cancel-remaining',
  'take-task': 'batch/lease-task',
  'keep-task': 'batch/extend-task',
  'end-task': 'batch/end-task',
  'submit-frame': 'camera/submit',
  sweep: 'sweep/sweep',
  snapshot: 'limits/snapshot',
  heartbeat: 'limits/heartbeat',
  'first-start': 'job/first-start',
} as const;
export type ScriptName = keyof typeof FILES;

type Call = (name: ScriptName, ...args: (string | number | Uint8Array)[]) => Promise<unknown>;

/** Scripts of one connection, bound to one installation's prefix. */
export type Scripts = Call & {
  /** As the call itself; strings of the answer come as Buffers. */
  buffers: Call;
};

type Commands = Record<string, (...args: unknown[]) => Promise<unknown>>;

export function scriptsOn(redis: Redis, prefix: string): Scripts {
  for (const [name, file] of Object.entries(FILES)) {
    const lua = loadLua(new URL(`../${file}.lua`, import.meta.url));
    redis.defineCommand(`fq:${name}`, { numberOfKeys: 1, lua });
  }
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
