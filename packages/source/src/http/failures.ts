import { isFacequeueError } from '@facequeue/schema';
import { timedOut, unreachable } from '../errors.ts';

/** Who is talked to, for public texts. */
export type Host = 'image host' | 'receiver';

/** Text for an error code of undici, the system or OpenSSL; with several addresses tried, the first one's. None of them names an address. */
const TEXTS: [codes: RegExp, detail: (host: Host) => string][] = [
  [/^(ENOTFOUND|EAI_\w+|ENODATA|EBADNAME)$/, (host) => `The ${host}'s name does not resolve.`],
  [/^ECONNREFUSED$/, (host) => `The ${host} refused the connection.`],
  [/^(EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|EACCES|EPERM)$/, (host) => `The ${host} cannot be reached from here.`],
  [/^UND_ERR_RES_CONTENT_LENGTH_MISMATCH$/, (host) => `The ${host} sent another length than it announced.`],
  [/^(UND_ERR_SOCKET|ECONNRESET|EPIPE)$/, (host) => `The ${host} closed the connection midway.`],
  [/^(HTTPParserError|UND_ERR_HEADERS_OVERFLOW)$/, (host) => `The ${host} does not answer in proper HTTP.`],
  [/CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS/, (host) => `The ${host}'s certificate is not trusted.`],
  [/SSL|EPROTO/, (host) => `No secure connection to the ${host} could be made.`],
];

/** The code; undici's parser errors have only a name. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}

/** The catalogue's error for whatever a request was rejected with; an error of the catalogue stays what it is. */
export function connectionFailure(error: unknown, host: Host): Error {
  if (isFacequeueError(error)) return error;
  const code = codeOf(error);
  if (/^(UND_ERR_CONNECT_TIMEOUT|ETIMEDOUT)$/.test(code))
    return timedOut(`The ${host} did not accept the connection in time.`, error);
  const detail = TEXTS.find(([codes]) => codes.test(code))?.[1](host);
  return unreachable(detail ?? `The connection to the ${host} failed.`, error);
}

/** Whether a connection ended before a single byte of the answer had come. */
export function isStaleSocket(error: unknown): boolean {
  return /^(UND_ERR_SOCKET|ECONNRESET|EPIPE)$/.test(codeOf(error));
}
