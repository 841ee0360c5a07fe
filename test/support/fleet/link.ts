/** A faulty network link between two tiers: a TCP proxy that can reset, delay or swallow traffic. */
import { connect, createServer, type Socket } from 'node:net';

/** Bytes that a delayed link buffers before it pauses the sender. */
const MAX_DELAYED_BYTES = 1 << 20;

export interface Link extends AsyncDisposable {
  /** Where to connect to, on 127.0.0.1. */
  readonly port: number;
  /** Resets every open connection; new ones work. */
  cut(): void;
  /** Delays everything sent from now on by `ms`; 0 ends the delay. */
  delay(ms: number): void;
  /**
   * Stops all traffic; null ends that. Connections stay open, and new ones are accepted but not forwarded. `drop`: these
   * connections stay dead afterwards until an end closes them, as on a route that has failed for good. `buffer`: data sent
   * meanwhile is delivered afterwards, as TCP retransmits it.
   */
  blackhole(mode: 'drop' | 'buffer' | null): void;
}

/** @param targets called for each connection; ports in the order in which they are tried */
export async function openLink(targets: () => readonly number[]): Promise<Link> {
  const pairs = new Set<Pair>();
  let delayMs = 0;
  let blackhole: 'drop' | 'buffer' | null = null;
  const server = createServer((client) => {
    const pair = new Pair(client, () => delayMs);
    pairs.add(pair);
    void pair.closed.then(() => pairs.delete(pair));
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

/** A client's connection and the connection to its target. */
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
    // Nothing is read before the target is connected.
    client.pause();
  }

  /** Connects to the first port that answers, unless connected already. */
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

  /** Drops all data from now on; both ends keep their connections. */
  die(): void {
    this.#dead = true;
    this.#client.resume();
    this.#upstream?.resume();
  }

  /** Stops reading from both ends, or resumes. */
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
      // The other end of a dead route notices nothing.
      if (this.#dead) return;
      if (broken) to.resetAndDestroy();
      else if (!from.readableEnded) to.destroy();
    });
  }
}

/** Delivers data later than it arrived, in order. */
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
