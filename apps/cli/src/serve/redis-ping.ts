import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** A Redis that cannot be used; the message names it without its password. */
export class RedisUnusable extends Error {
  override readonly name = 'RedisUnusable';
}

/**
 * One PING, on a connection of its own.
 * @param url redis:// or rediss://, with user and password if it needs them
 * @param timeoutMs for everything, connecting included
 * @returns `loading` while it still reads its data
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
    const answers = await talk(socket, commands, timeoutMs);
    const refusal = answers.find((answer) => answer.startsWith('-'));
    if (refusal?.startsWith('-LOADING')) return 'loading';
    if (refusal) throw new Error(refusal.slice(1));
    if (answers.at(-1) !== '+PONG') throw new Error('what answers there is no Redis');
    return 'ready';
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new RedisUnusable(`${where} cannot be used: ${code === 'ECONNREFUSED' ? 'nothing listens there' : message}`);
  } finally {
    socket.destroy();
  }
}

/** Sends commands in one go. @returns the first line of the answer to each */
function talk(socket: Socket, commands: string[][], timeoutMs: number): Promise<string[]> {
  return new Promise((resolve, reject) => {
    let received = '';
    socket.setTimeout(timeoutMs, () => reject(new Error(`no answer within ${timeoutMs / 1000} s`)));
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('it closed the connection')));
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
