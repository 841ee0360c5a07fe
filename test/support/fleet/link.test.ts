import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type Link, openLink } from './link.ts';

const stack: AsyncDisposable[] = [];
afterEach(async () => {
  while (stack.length) await stack.pop()![Symbol.asyncDispose]();
});

/** An echo server. */
async function echo(): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  stack.push({
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  });
  const address = server.address();
  if (typeof address !== 'object' || !address) throw new Error('no port');
  return address.port;
}

async function linkTo(...ports: number[]): Promise<Link> {
  const link = await openLink(() => ports);
  stack.push(link);
  return link;
}

/** A client that records what it receives. */
function client({ port }: Link) {
  const socket = connect(port, '127.0.0.1');
  const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()));
  socket.on('error', () => {});
  let got = '';
  socket.on('data', (chunk) => (got += chunk));
  stack.push({ [Symbol.asyncDispose]: async () => void socket.destroy() });
  return { send: (text: string) => void socket.write(text), got: () => got, closed, end: () => socket.end() };
}

/** Waits long enough for data on another link to arrive. */
async function roundTrip(): Promise<void> {
  const other = client(await linkTo(await echo()));
  other.send('tick');
  await expect.poll(other.got).toBe('tick');
}

describe('a link', () => {
  it('forwards both ways, to the first target that listens', async () => {
    const link = await linkTo(1, await echo());
    const one = client(link);
    one.send('hello');
    await expect.poll(one.got).toBe('hello');
    one.end();
    await one.closed;
  });

  it('resets open connections when it is cut, and forwards new ones', async () => {
    const link = await linkTo(await echo());
    const one = client(link);
    one.send('a');
    await expect.poll(one.got).toBe('a');
    link.cut();
    await one.closed;
    const two = client(link);
    two.send('b');
    await expect.poll(two.got).toBe('b');
  });

  it('resets a connection when no target listens', async () => {
    await client(await linkTo(1)).closed;
  });

  it('delays data, and keeps its order', async () => {
    const link = await linkTo(await echo());
    const one = client(link);
    one.send('0');
    await expect.poll(one.got).toBe('0');
    link.delay(50);
    one.send('1');
    await roundTrip();
    link.delay(0);
    one.send('2');
    await expect.poll(one.got).toBe('012');
    link.delay(1e6);
    one.send('3');
    await roundTrip();
    expect(one.got()).toBe('012');
  });

  it('delivers data sent into a buffering blackhole, on old connections and new ones', async () => {
    const link = await linkTo(await echo());
    const old = client(link);
    old.send('a');
    await expect.poll(old.got).toBe('a');
    link.blackhole('buffer');
    const late = client(link);
    old.send('b');
    late.send('c');
    await roundTrip();
    expect([old.got(), late.got()]).toEqual(['a', '']);
    link.blackhole(null);
    await expect.poll(() => [old.got(), late.got()]).toEqual(['ab', 'c']);
  });

  it('leaves connections dead that were open during a dropping blackhole, and forwards new ones', async () => {
    const link = await linkTo(await echo());
    const old = client(link);
    old.send('a');
    await expect.poll(old.got).toBe('a');
    link.blackhole('drop');
    const late = client(link);
    old.send('b');
    late.send('c');
    await roundTrip();
    link.blackhole(null);
    const fresh = client(link);
    fresh.send('d');
    await expect.poll(fresh.got).toBe('d');
    for (const each of [old, late]) each.send('e');
    fresh.send('f');
    await expect.poll(fresh.got).toBe('df');
    expect([old.got(), late.got()]).toEqual(['a', '']);
  });
});
