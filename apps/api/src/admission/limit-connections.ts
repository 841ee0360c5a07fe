import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { ErrorCode } from '@facequeue/schema';
import { startTimer } from '@facequeue/time';
import { flowOfAddress, nameOfFlow } from '../auth/flow.ts';
import { answerOnSocket } from '../http/socket-errors.ts';
import { FlowShares, type ShareObstacle } from './flow-shares.ts';

export interface ConnectionLimits {
  /** Connections at a time. */
  all: number;
  /** Of them, those that have sent no request yet. */
  withoutRequest: number;
  /** Whether an address has a share. Behind proxies it has none: all connections come from these. */
  byAddress: boolean;
}

/** How long a refused client has to read its answer, ms; and how many have it. */
const LINGER_MS = 1000;
const MOST_LINGERING = 256;

/**
 * Refuses connections beyond the limits, before anything is read from them.
 * @param onRefused called for each connection that is refused
 */
export function limitConnections(server: Server, limits: ConnectionLimits, onRefused: (code: ErrorCode) => void): void {
  const all = new FlowShares(limits.all);
  const withoutRequest = new FlowShares(limits.withoutRequest);
  const newConnections = new WeakMap<Socket, () => void>();
  let lingering = 0;

  const refuse = (socket: Socket, flow: string | null, obstacle: ShareObstacle, which: string) => {
    const code = obstacle === 'share' ? 'quota_exceeded' : 'queue_full';
    const detail =
      obstacle === 'share' ? `${nameOfFlow(flow!)} has as many ${which} as it may` : `there are too many ${which}`;
    answerOnSocket(socket, code, detail, RETRY_AFTER_S);
    onRefused(code);
    if (lingering >= MOST_LINGERING) return socket.destroySoon();
    // What the client has sent is read: with unread bytes the kernel would reset the connection, and the answer with it.
    lingering++;
    const timer = startTimer(LINGER_MS, () => socket.destroy());
    socket.resume().once('close', () => {
      lingering--;
      timer.clear();
    });
  };
  const admit = (socket: Socket): boolean => {
    const flow = limits.byAddress ? flowOfAddress(socket.remoteAddress) : null;
    const obstacle = all.obstacle(flow, 1);
    const ofNew = withoutRequest.obstacle(flow, 1);
    if (obstacle) refuse(socket, flow, obstacle, 'connections');
    else if (ofNew) refuse(socket, flow, ofNew, 'connections without a request');
    if (obstacle || ofNew) return false;
    all.add(flow, 1);
    withoutRequest.add(flow, 1);
    newConnections.set(socket, () => {
      if (newConnections.delete(socket)) withoutRequest.add(flow, -1);
    });
    socket.once('close', () => {
      all.add(flow, -1);
      newConnections.get(socket)?.();
    });
    return true;
  };

  // Node's own listeners begin to parse requests; a refused connection does not get there.
  const serve = server.listeners('connection') as ((socket: Socket) => void)[];
  server.removeAllListeners('connection');
  server.on('connection', (socket) => {
    if (admit(socket)) for (const listener of serve) listener.call(server, socket);
  });
  for (const event of ['request', 'checkContinue', 'checkExpectation', 'connect'] as const) {
    server.prependListener(event, ({ socket }: { socket: Socket }) => newConnections.get(socket)?.());
  }
}

const RETRY_AFTER_S = 1;
