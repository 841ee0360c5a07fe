import { DEFAULT_DETECTION_OPTIONS } from '@facequeue/schema';
import type { Redis } from 'ioredis';
import { appendArguments } from '../batch/append.ts';
import type { NewItem } from '../batch/batch.ts';
import { type Claim, claimFrom } from '../job/record.ts';
import { type Scripts, scriptsOn } from '../redis/scripts.ts';
import { IMAGE, LONG } from './rig.ts';

/** As limitArguments gives them. */
export const NO_LIMITS = [1e6, 1e9, 1e9, 1e9];

export interface BatchByHand {
  owner?: string;
  open?: boolean;
  listing?: boolean;
  output?: boolean;
  webhookHost?: string;
  limits?: number[];
}

export interface FrameByHand {
  keep?: 'latest' | 'all';
  startWithinMs?: number;
  bytes?: Uint8Array;
  limits?: number[];
}

/** Jobs, batches and cameras of a prefix by scripts alone: nothing of it is in BullMQ, and nobody sweeps unless the test does. */
export class ByHand {
  readonly raw: Redis;
  readonly prefix: string;
  readonly scripts: Scripts;
  #claims = 0;

  constructor(raw: Redis, prefix: string) {
    this.raw = raw;
    this.prefix = prefix;
    this.scripts = scriptsOn(raw, prefix);
  }

  key(name: string): string {
    return `${this.prefix}:${name}`;
  }

  /** The first word of the answer. */
  async create(
    id: string,
    { owner = '', open, listing, output, webhookHost, limits }: BatchByHand = {},
  ): Promise<string> {
    const reply = await this.scripts(
      'create-batch',
      id,
      owner,
      'request',
      JSON.stringify(DEFAULT_DETECTION_OPTIONS),
      open ? 1 : 0,
      listing ? JSON.stringify({ url: 's3://a/b/', suffixes: ['.jpg'] }) : '',
      output ? JSON.stringify({ url: 's3://a/out', overwrite: false }) : '',
      webhookHost ? `https://${webhookHost}/` : '',
      webhookHost ?? '',
      LONG,
      ...(limits ?? NO_LIMITS),
    );
    return (reply as string[])[0]!;
  }

  /** @param task the lease of the task that lists, and its new state */
  async append(
    id: string,
    items: NewItem[],
    twice: 'skip' | 'fail' = 'fail',
    { owner = '', limits = NO_LIMITS, task = null as { lease: number; state: string } | null } = {},
  ): Promise<{ answer: string; counts: number[]; turns: string[]; reason: string; retryAfterMs: number }> {
    const lease = task ? [task.lease, task.state, LONG] : ['', '', 0];
    const reply = await this.scripts('append-batch', id, owner, twice, ...limits, ...lease, ...appendArguments(items));
    const [answer, ...rest] = reply as [string, ...(number | string)[]];
    const taken = answer === 'ok';
    return {
      answer,
      counts: taken ? (rest.slice(0, 3) as number[]) : [],
      turns: taken ? (rest.slice(3) as string[]) : [],
      reason: answer === 'full' ? String(rest[0]) : '',
      retryAfterMs: answer === 'full' ? Number(rest[1]) : 0,
    };
  }

  settle(id: string): Promise<unknown> {
    return this.scripts('settle-batch', id);
  }

  close(id: string, owner = ''): Promise<unknown> {
    return this.scripts('close-batch', id, owner);
  }

  stop(id: string, how: 'cancel' | 'erase', chunk = 1000, owner = ''): Promise<unknown> {
    return this.scripts('stop-batch', id, owner, how, LONG, chunk);
  }

  drain(id: string, chunk: number): Promise<unknown> {
    return this.scripts('drain-batch', id, chunk);
  }

  async frame(id: string, camera: string, more: FrameByHand = {}): Promise<(string | number)[]> {
    const { keep = 'latest', startWithinMs = LONG, bytes = Buffer.from('frame'), limits = NO_LIMITS } = more;
    return (await this.scripts(
      'submit-frame',
      id,
      `/${camera}`,
      keep,
      startWithinMs,
      LONG,
      ...limits,
      '{}',
      'request',
      '',
      '',
      bytes,
    )) as (string | number)[];
  }

  async claim(ticket: string, maxAttempts = 5): Promise<Claim> {
    return claimFrom(await this.scripts('claim', ticket, `c${this.#claims++}`, maxAttempts));
  }

  async start(id: string, attempt: number): Promise<boolean> {
    return (await this.scripts('start', id, attempt)) === 1;
  }

  async finish(id: string, attempt: number, status: 'succeeded' | 'failed' = 'succeeded'): Promise<boolean> {
    const reply = await this.scripts('finish', id, attempt, status, 'x', 'y', JSON.stringify(IMAGE), '{}', 'result');
    return reply === 1;
  }

  async release(id: string, attempt: number): Promise<boolean> {
    return (await this.scripts('release', id, attempt, 0)) === 1;
  }

  /** BullMQ's lock on a ticket; '' when nobody holds one. */
  async lock(queue: string, ticket: string, token: string): Promise<void> {
    const key = this.key(`bull:${queue}:${ticket}:lock`);
    await (token ? this.raw.set(key, token) : this.raw.del(key));
  }

  /** Everything that is due, and all stopped batches, as sweepOnce does. @returns tickets that BullMQ has lost */
  async sweep(): Promise<string[]> {
    const [, lost, stopped] = (await this.scripts('sweep', 1000)) as [number, string[], string[]];
    for (const id of stopped) while ((await this.drain(id, 3)) === 1);
    return lost.filter((_, i) => i % 2 === 0);
  }

  /** Makes what the sweep would look at later due now. */
  async hurry(name: string): Promise<void> {
    await this.raw.zadd(this.key('due'), 'XX', 1, name);
  }

  /** Unbound turns of a lane. */
  async turnsOf(lane: string): Promise<string[]> {
    const turns = Object.entries(await this.raw.hgetall(this.key('turns')));
    return turns.filter(([, value]) => value === lane).map(([turn]) => turn);
  }
}

export const inlineItem = (name: string | null, bytes = 'image'): NewItem => ({
  name,
  line: null,
  content: { kind: 'inline', bytes: Buffer.from(bytes) },
});

export const urlItem = (name: string | null): NewItem => ({
  name,
  line: null,
  content: { kind: 'url', url: 'https://example.com/picture.jpg' },
});

export const badItem = (name: string | null, line = 7): NewItem => ({
  name,
  line,
  content: { kind: 'error', code: 'invalid_base64', detail: 'img: is not base64' },
});
