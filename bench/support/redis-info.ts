import { once } from 'node:events';
import { connect } from 'node:net';

/** Sends one inline command on a connection of its own. @returns the whole reply, as received */
export async function sendCommand(port: number, command: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(`${command}\r\n`);
  const [reply] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return reply.toString().trim();
}

/** One figure of `INFO <section>`. */
export async function info(port: number, section: string, name: string): Promise<string> {
  const reply = await sendCommand(port, `INFO ${section}`);
  return new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(reply)?.[1] ?? '';
}
