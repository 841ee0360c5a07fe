import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { watchdog } from '../processes/watchdog.ts';

/** A port on loopback that neither makes nor refuses connections, as behind a firewall that drops what comes. */
export interface DeafServer extends AsyncDisposable {
  /** `address:port` */
  readonly host: string;
}

const LISTEN = `require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, function () {
  console.log(this.address().port);
});`;

/** Its process is frozen, and the kernel's queue of connections that it has not taken is full. */
export async function startDeafServer(): Promise<DeafServer> {
  const server = spawn(process.execPath, ['-e', LISTEN], { stdio: ['ignore', 'pipe', 'ignore'] });
  const left = watchdog(['kill', '-9', String(server.pid)]);
  const [line] = (await once(server.stdout, 'data')) as [Buffer];
  const port = Number(line);
  server.kill('SIGSTOP');
  const queued: Socket[] = [];
  for (let full = false; !full; ) {
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    queued.push(socket);
    const connected = once(socket, 'connect').then(() => false);
    // A machine that stops for so long may have connected it: that is seen in the next turn of the event loop.
    const passed = new Promise<boolean>((resolve) => setTimeout(() => setImmediate(resolve, true), 500));
    full = await Promise.race([connected, passed]);
  }
  return {
    host: `127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of queued) socket.destroy();
      server.kill('SIGKILL');
      await once(server, 'exit');
      left();
    },
  };
}
