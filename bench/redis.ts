import { once } from 'node:events';
import { connect } from 'node:net';

/** One inline command on a connection of its own. @returns the whole answer as it came */
export async function ask(port: number, command: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(`${command}\r\n`);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return answer.toString().trim();
}

/** One figure of `INFO <section>`. */
export async function info(port: number, section: string, name: string): Promise<string> {
  const answer = await ask(port, `INFO ${section}`);
  return new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(answer)?.[1] ?? '';
}
