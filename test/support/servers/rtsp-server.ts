/** A camera: an RTSP server (RFC 2326) that plays an MPEG transport stream in a loop, in RTP over the same connection. */
import { createServer, type Socket } from 'node:net';

export interface RtspServer extends AsyncDisposable {
  readonly url: string;
  /** First lines and transports of the requests so far. */
  readonly requests: string[];
  /** Breaks every connection, like a camera that is switched off and on. */
  breakAll(): void;
}

/** Transport stream packets per RTP packet: as many as fit into an Ethernet frame. */
const TS_BYTES = 188 * 7;
const STEP_MS = 50;

/**
 * @param stream whole packets of 188 bytes
 * @param ms its duration
 */
export async function startRtspServer(stream: Buffer, ms: number): Promise<RtspServer> {
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let timer: NodeJS.Timeout | undefined;
    socket.on('error', () => {});
    socket.on('close', () => {
      clearInterval(timer);
      sockets.delete(socket);
    });
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
        // RTCP reports may precede a request.
        const request = /[A-Z_]+ rtsp:.*$/s.exec(text.slice(0, end))?.[0];
        text = text.slice(end + 4);
        if (!request) continue;
        const [line, ...headers] = request.split('\r\n');
        const header = (name: string) =>
          headers.find((one) => one.toLowerCase().startsWith(`${name}:`))?.split(/: */)[1];
        requests.push([line, header('transport')].filter(Boolean).join(' '));
        const method = line!.split(' ')[0];
        const lines = ['RTSP/1.0 200 OK', `CSeq: ${header('cseq')}`, 'Session: 1'];
        const body = method === 'DESCRIBE' ? SDP : '';
        if (method === 'OPTIONS') lines.push('Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN');
        if (method === 'DESCRIBE') lines.push('Content-Type: application/sdp', `Content-Length: ${body.length}`);
        if (method === 'SETUP') lines.push('Transport: RTP/AVP/TCP;unicast;interleaved=0-1');
        socket.write(`${lines.join('\r\n')}\r\n\r\n${body}`);
        if (method === 'PLAY') timer = playTo(socket, stream, ms);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || !address) throw new Error('the camera has no port');
  const breakAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `rtsp://user:secret@127.0.0.1:${address.port}/live`,
    requests,
    breakAll,
    async [Symbol.asyncDispose]() {
      breakAll();
      server.close();
    },
  };
}

const SDP =
  'v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\nm=video 0 RTP/AVP 33\r\na=control:track1\r\n';

function playTo(socket: Socket, stream: Buffer, ms: number): NodeJS.Timeout {
  const began = performance.now();
  let sent = 0;
  return setInterval(() => {
    const due = ((performance.now() - began) / ms) * stream.length;
    for (; sent < due; sent += TS_BYTES) {
      const from = sent % (stream.length - (stream.length % TS_BYTES));
      socket.write(packet(stream.subarray(from, from + TS_BYTES), sent / TS_BYTES));
    }
  }, STEP_MS);
}

/** A packet of RTP (RFC 3550), interleaved on channel 0. */
function packet(payload: Buffer, sequence: number): Buffer {
  const head = Buffer.alloc(16);
  head.write('$', 0, 'latin1');
  head.writeUInt16BE(12 + payload.length, 2);
  head[4] = 0x80; // version 2
  head[5] = 33; // MP2T
  head.writeUInt16BE(sequence & 0xffff, 6);
  head.writeUInt32BE(Math.round(performance.now() * 90) >>> 0, 8);
  head.writeUInt32BE(1, 12);
  return Buffer.concat([head, payload]);
}
