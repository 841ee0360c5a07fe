import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** A connection for bytes that no HTTP client sends. */
export interface RawConnection extends Disposable {
  readonly socket: Socket;
  /** Sends bytes and waits until the kernel has accepted them, or the other side has closed. */
  send(bytes: string | Uint8Array): Promise<void>;
  /** Everything received until the other side ends the connection, as Latin-1. */
  rest(): Promise<string>;
  /** Resolves with what was received once it contains `text`; rejects when the connection ends without it. */
  until(text: string): Promise<string>;
}

export async function openRaw(
  port: number,
  options: { allowHalfOpen?: boolean; localAddress?: string } = {},
): Promise<RawConnection> {
  const socket = connect({ port, host: '127.0.0.1', ...options });
  let received = '';
  let ended = false;
  const changed = new EventTarget();
  const change = () => changed.dispatchEvent(new Event('change'));
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1');
    change();
  });
  // The other side may end a connection with a reset after its answer.
  socket.on('error', () => {});
  for (const event of ['end', 'close'] as const) {
    socket.on(event, () => {
      ended = true;
      change();
    });
  }
  await once(socket, 'connect');
  return {
    socket,
    async send(bytes) {
      if (socket.destroyed || socket.write(bytes)) return;
      const settled = new AbortController();
      const { signal } = settled;
      await Promise.race([once(socket, 'drain', { signal }), once(socket, 'close', { signal })]).catch(() => {});
      settled.abort();
    },
    async rest() {
      while (!ended) await once(changed, 'change');
      return received;
    },
    async until(text) {
      while (!received.includes(text)) {
        if (ended) throw new Error(`the connection ended after ${JSON.stringify(received)}`);
        await once(changed, 'change');
      }
      return received;
    },
    [Symbol.dispose]: () => void socket.destroy(),
  };
}

/** Status and body of a raw answer. */
export function parseRaw(answer: string): { status: number; headers: string; body: string } {
  const end = answer.indexOf('\r\n\r\n');
  return { status: Number(answer.slice(9, 12)), headers: answer.slice(0, end), body: answer.slice(end + 4) };
}
