import { createSocket } from 'node:dgram';
import type { AddressInfo } from 'node:net';

/** Types and response codes of RFC 1035 and RFC 3596. */
const TYPES: Record<number, 'A' | 'AAAA'> = { 1: 'A', 28: 'AAAA' };
const TYPE_CODES = { A: 1, AAAA: 28 };
const NO_ERROR = 0;
const NO_SUCH_NAME = 3;
const RCODES = { failure: 2, refused: 5 };

/** What a name has: addresses; or how its server behaves. */
type Entry = { A?: string[] | 'silent'; AAAA?: string[] | 'silent' } | 'silent' | keyof typeof RCODES;
/** A function is asked for each answer. */
export type Zone = Record<string, Entry | (() => Entry)>;

export interface DnsServer extends AsyncDisposable {
  /** `address:port` */
  address: string;
  /** What was asked, in order: "A name". */
  questions: string[];
  /** Later answers come from it. */
  zone: Zone;
}

/** A name server on loopback for the names of `zone`. */
export async function startDnsServer(zone: Zone): Promise<DnsServer> {
  const socket = createSocket('udp4');
  const server: DnsServer = {
    address: '',
    questions: [],
    zone,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => socket.close(() => resolve())),
  };
  socket.on('message', (query, from) => {
    const { name, type, end } = readQuestion(query);
    server.questions.push(`${type} ${name}`);
    const found = server.zone[name];
    const entry = typeof found === 'function' ? found() : found;
    if (entry === 'silent') return;
    if (typeof entry === 'string') return socket.send(answer(query, end, RCODES[entry], []), from.port, from.address);
    const addresses = entry?.[type] ?? [];
    if (addresses === 'silent') return;
    const records = addresses.map((address) => record(type, address));
    socket.send(answer(query, end, entry ? NO_ERROR : NO_SUCH_NAME, records), from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  server.address = `127.0.0.1:${(socket.address() as AddressInfo).port}`;
  return server;
}

function readQuestion(query: Buffer): { name: string; type: 'A' | 'AAAA'; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at]!; length > 0; length = query[at]!) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), type: TYPES[query.readUInt16BE(at + 1)]!, end: at + 5 };
}

function answer(query: Buffer, end: number, rcode: number, records: Buffer[]): Buffer {
  const header = Buffer.alloc(12);
  query.copy(header, 0, 0, 2);
  // A response of an authority; recursion was desired and is available.
  header.writeUInt16BE(0x8580 | rcode, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(records.length, 6);
  return Buffer.concat([header, query.subarray(12, end), ...records]);
}

function record(type: 'A' | 'AAAA', address: string): Buffer {
  const bytes =
    type === 'A'
      ? Buffer.from(address.split('.').map(Number))
      : Buffer.from(
          address
            .split(':')
            .map((part) => part.padStart(4, '0'))
            .join(''),
          'hex',
        );
  const head = Buffer.alloc(12);
  // The name is that of the question.
  head.writeUInt16BE(0xc00c, 0);
  head.writeUInt16BE(TYPE_CODES[type], 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(bytes.length, 10);
  return Buffer.concat([head, bytes]);
}
