/** A way between two tiers on which things can go wrong: a TCP proxy. */
import { connect, createServer, type Socket } from 'node:net';

/** Bytes that wait on a late link before its sender is made to wait, too. */
const MAX_DELAYED_BYTES = 1 << 20;

export interface Link extends AsyncDisposable {
  /** Where to connect to, on 127.0.0.1. */
  readonly port: number;
  /** Resets every connection; new ones work. */
  cut(): void;
  /** Whatever passes from now on comes `ms` later. 0 ends that. */
  delay(ms: number): void;
  /**
   * From now on nothing passes: connections stay open, new ones are taken and lead nowhere. `lost`: as on a route that is gone for
   * good, they stay dead when that ends, until their ends give them up. `held`: what was sent meanwhile comes then, as TCP does it.
   */
  blackhole(mode: 'drop' | 'buffer' | null): void;
}

/** @param targets ports to connect to, the first that answers is taken; asked for each connection */
export async function openLink(targets: () => readonly number[]): Promise<Link> {
  const pairs = new Set<Pair>();
  let delayMs = 0;
  let blackhole: 'drop' | 'buffer' | null = null;
  const server = createServer((client) => {
    const pair = new Pair(client, () => delayMs);
    pairs.add(pair);
    pair.closed.then(() => pairs.delete(pair));
    if (blackhole === 'drop') pair.die();
    else if (blackhole === 'buffer') pair.pause(true);
    else pair.reach(targets());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || !address) throw new Error('the link has no port');
  const cut = () => {
    for (const pair of pairs) pair.reset();
  };
  return {
    port: address.port,
    cut,
    delay(ms) {
      delayMs = ms;
    },
    blackhole(mode) {
      const before = blackhole;
      blackhole = mode;
      for (const pair of pairs) {
        if (mode === 'drop') pair.die();
        else if (mode === 'buffer' || before === 'buffer') pair.pause(mode === 'buffer');
        if (mode === null) pair.reach(targets());
      }
    },
    async [Symbol.asyncDispose]() {
      cut();
      server.close();
    },
  };
}

/** A connection and its continuation. */
class Pair {
  /** Resolves when both ends are closed. */
  readonly closed: Promise<void>;
  readonly #client: Socket;
  readonly #delayMs: () => number;
  readonly #ended = Promise.withResolvers<void>();
  #upstream: Socket | null = null;
  #reaching = false;
  #dead = false;
  #paused = false;

  constructor(client: Socket, delayMs: () => number) {
    this.#client = client;
    this.#delayMs = delayMs;
    this.closed = this.#ended.promise;
    client.on('error', () => {});
    client.once('close', () => this.#checkClosed());
    // Nothing is read before there is somewhere to send it.
    client.pause();
  }

  /** Connects it to the first that answers, if it is not connected yet. */
  reach(ports: readonly number[]): void {
    if (this.#reaching) return;
    this.#reaching = true;
    this.#try(ports);
  }

  #try([port, ...others]: readonly number[]): void {
    if (this.#dead || this.#client.destroyed) return;
    if (port === undefined) {
      this.reset();
      return;
    }
    const upstream = connect({ port, host: '127.0.0.1', noDelay: true });
    const refused = () => this.#try(others);
    upstream.once('error', refused);
    upstream.once('connect', () => {
      upstream.off('error', refused);
      upstream.on('error', () => {});
      upstream.once('close', () => this.#checkClosed());
      if (this.#dead || this.#client.destroyed) return void upstream.destroy();
      this.#upstream = upstream;
      this.#client.setNoDelay();
      this.#forward(this.#client, upstream);
      this.#forward(upstream, this.#client);
      this.#resume(this.#client);
    });
  }

  reset(): void {
    this.#client.resetAndDestroy();
    this.#upstream?.resetAndDestroy();
  }

  /** Both ends go on to believe in it. */
  die(): void {
    this.#dead = true;
    this.#client.resume();
    this.#upstream?.resume();
  }

  /** Nothing is read from either end, or all that has come meanwhile. */
  pause(on: boolean): void {
    this.#paused = on;
    for (const end of [this.#client, this.#upstream]) {
      if (on) end?.pause();
      else if (end && this.#upstream) this.#resume(end);
    }
  }

  #resume(end: Socket): void {
    if (!this.#paused) end.resume();
  }

  #checkClosed(): void {
    if (this.#client.destroyed && (this.#upstream?.destroyed ?? true)) this.#ended.resolve();
  }

  #forward(from: Socket, to: Socket): void {
    const deliver = (chunk: Buffer | null) => {
      if (this.#dead) return;
      if (chunk === null) to.end();
      else if (!to.write(chunk)) from.pause();
    };
    const delayLine = new DelayLine(deliver, (full) => (full ? from.pause() : this.#resume(from)));
    const receive = (chunk: Buffer | null) => {
      if (this.#dead) return;
      const ms = this.#delayMs();
      if (ms === 0 && delayLine.empty) deliver(chunk);
      else delayLine.add(chunk, ms);
    };
    from.on('data', receive);
    from.once('end', () => receive(null));
    to.on('drain', () => void (delayLine.full || this.#resume(from)));
    from.once('close', (broken) => {
      // Whoever is at the other end of a dead route hears nothing of it.
      if (this.#dead) return;
      if (broken) to.resetAndDestroy();
      else if (!from.readableEnded) to.destroy();
    });
  }
}

/** What passes later than it came, in the order in which it came. */
class DelayLine {
  readonly #deliver: (chunk: Buffer | null) => void;
  readonly #onFull: (full: boolean) => void;
  readonly #delayed: { due: number; chunk: Buffer | null }[] = [];
  #bytes = 0;

  constructor(deliver: (chunk: Buffer | null) => void, onFull: (full: boolean) => void) {
    this.#deliver = deliver;
    this.#onFull = onFull;
  }

  get empty(): boolean {
    return this.#delayed.length === 0;
  }

  get full(): boolean {
    return this.#bytes > MAX_DELAYED_BYTES;
  }

  add(chunk: Buffer | null, ms: number): void {
    const first = this.empty;
    const due = Math.max(this.#delayed.at(-1)?.due ?? 0, performance.now() + ms);
    this.#delayed.push({ due, chunk });
    this.#bytes += chunk?.length ?? 0;
    if (this.full) this.#onFull(true);
    if (first) this.#wait(due);
  }

  #wait(due: number): void {
    setTimeout(() => this.#flush(), Math.max(0, due - performance.now()));
  }

  #flush(): void {
    const wasFull = this.full;
    while (this.#delayed[0] && this.#delayed[0].due <= performance.now()) {
      const { chunk } = this.#delayed.shift()!;
      this.#bytes -= chunk?.length ?? 0;
      this.#deliver(chunk);
    }
    if (wasFull && !this.full) this.#onFull(false);
    if (this.#delayed[0]) this.#wait(this.#delayed[0].due);
  }
}
