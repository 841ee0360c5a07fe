import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** A Redis cannot be used; the message names it without its password. */
export class RedisUnusable extends Error {
  override readonly name = 'RedisUnusable';
}

/**
 * Sends one PING on a new connection.
 * @param url redis:// or rediss://, with user and password if needed
 * @param timeoutMs for the whole exchange, connecting included
 * @returns `loading` while Redis loads its data
 * @throws RedisUnusable
 */
export async function pingRedis(url: string, timeoutMs: number): Promise<'ready' | 'loading'> {
  const { hostname, port, protocol, username, password } = new URL(url);
  const address = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 6379) };
  const where = `Redis at ${address.host}:${address.port}`;
  const socket = protocol === 'rediss:' ? connectTls({ ...address, servername: address.host }) : connect(address);
  try {
    const commands = [['PING']];
    if (password) commands.unshift(['AUTH', ...[username, password].filter(Boolean).map(decodeURIComponent)]);
    const replies = await exchange(socket, commands, timeoutMs);
    const refusal = replies.find((reply) => reply.startsWith('-'));
    if (refusal?.startsWith('-LOADING')) return 'loading';
    if (refusal) throw new Error(refusal.slice(1));
    if (replies.at(-1) !== '+PONG') throw new Error('the server that answers is not Redis');
    return 'ready';
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new RedisUnusable(
      `${where} cannot be used: ${code === 'ECONNREFUSED' ? 'nothing is listening there' : message}`,
    );
  } finally {
    socket.destroy();
  }
}

/** Sends commands in one write. @returns the first line of each reply */
function exchange(socket: Socket, commands: string[][], timeoutMs: number): Promise<string[]> {
  return new Promise((resolve, reject) => {
    let received = '';
    socket.setTimeout(timeoutMs, () => reject(new Error(`no reply within ${timeoutMs / 1000} s`)));
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the connection was closed')));
    socket.on('data', (chunk) => {
      received += chunk;
      const lines = received.split('\r\n');
      if (lines.length > commands.length) resolve(lines.slice(0, commands.length));
    });
    socket.write(commands.map(encode).join(''));
  });
}

/** A command in the Redis protocol (RESP): an array of bulk strings. */
const encode = (words: string[]) =>
  `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`;
