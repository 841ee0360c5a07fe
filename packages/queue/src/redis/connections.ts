import { throttleErrors } from '@facequeue/time';
import type { Redis } from 'ioredis';
import { type BullQueues, openBullQueues } from '../bullmq/bull-queues.ts';
import { openConnection } from './connection.ts';
import { Scripts } from './define-script.ts';
import { checkedPrefix } from './key-prefix.ts';
import { type Keys, keysOf } from './keys.ts';
import { checkServer } from './server.ts';

export interface ConnectionOptions {
  /** redis:// or rediss:// */
  url: string;
  /** Key prefix with braces, such as {fq}. */
  prefix: string;
  /** Called with background errors; the same message at most every 30 s. */
  onError: (error: Error) => void;
}

/** What both faces of the queue work with. Disposing it closes everything. */
export interface Connections extends AsyncDisposable {
  readonly prefix: string;
  readonly keys: Keys;
  /** For commands. */
  readonly redis: Redis;
  /** For subscriptions. */
  readonly subscriber: Redis;
  readonly scripts: Scripts;
  readonly bullQueues: BullQueues;
  readonly onError: (error: Error) => void;
}

/**
 * Opens the connections of a gateway or a worker.
 * @throws unavailable when Redis does not answer within 10 s, ConfigError for a bad prefix or an unsuitable Redis
 */
export async function openConnections(options: ConnectionOptions, kind: 'gateway' | 'worker'): Promise<Connections> {
  const onError = throttleErrors(options.onError);
  const prefix = checkedPrefix(options.prefix);
  await using opening = new AsyncDisposableStack();
  const { redis } = opening.use(await openConnection(options.url, kind, onError));
  const subscriber = opening.use(await openConnection(options.url, 'subscriber', onError));
  await checkServer(redis);
  const bullQueues = await openBullQueues(redis, prefix, onError);
  opening.defer(() => bullQueues.close());
  const opened = opening.move();
  return {
    prefix,
    keys: keysOf(prefix),
    redis,
    subscriber: subscriber.redis,
    scripts: new Scripts(redis, prefix),
    bullQueues,
    onError,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** A side of the queue that is not usable before `open`. */
interface Side {
  open(): Promise<void>;
  close(): Promise<void>;
}

/** Opens a side of the queue; closes it again when that fails. */
export async function openOrClose<T extends Side>(side: T): Promise<T> {
  try {
    await side.open();
    return side;
  } catch (error) {
    await side.close();
    throw error;
  }
}
