import { openTransport, type Transport } from '../bullmq/bull-queues.ts';
import { type Connection, openConnection } from './connection.ts';
import { checkedPrefix } from './prefix.ts';
import { quietly } from './quietly.ts';
import { checkServer } from './server.ts';

export interface FoundationOptions {
  /** redis:// or rediss:// */
  url: string;
  /** Key prefix with braces, such as {fq}. */
  prefix: string;
  /** Told of background trouble; the same message once in a while. */
  onError: (error: Error) => void;
}

/** What either side of the queue stands on. Disposing it closes everything. */
export interface Foundation extends AsyncDisposable {
  prefix: string;
  /** For commands. */
  redis: Connection['redis'];
  /** For subscriptions. */
  subscriber: Connection['redis'];
  transport: Transport;
  onError: (error: Error) => void;
}

/**
 * Opens the connections of a gateway or a worker.
 * @throws unavailable when Redis does not answer within 10 s, ConfigError for a bad prefix or an unsuitable Redis
 */
export async function openFoundation(options: FoundationOptions, kind: 'gateway' | 'worker'): Promise<Foundation> {
  const onError = quietly(options.onError);
  const prefix = checkedPrefix(options.prefix);
  await using opening = new AsyncDisposableStack();
  const main = opening.use(await openConnection(options.url, kind, onError));
  const subscriber = opening.use(await openConnection(options.url, 'subscriber', onError));
  await checkServer(main.redis);
  const transport = await openTransport(main.redis, prefix, onError);
  opening.defer(() => transport.close());
  const opened = opening.move();
  return {
    prefix,
    redis: main.redis,
    subscriber: subscriber.redis,
    transport,
    onError,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
