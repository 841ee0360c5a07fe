import { isFacequeueError } from '@facequeue/schema';
import { timedOut, unreachable } from '../errors.ts';

/** The other side of a connection, for public texts. */
export type Host = 'image host' | 'receiver';

/**
 * Texts for error codes of undici, the system or OpenSSL. When several addresses were tried, the code is the first one's. No text
 * names an address.
 */
const TEXTS: [codes: RegExp, detail: (host: Host) => string][] = [
  [/^ENOTFOUND$/, (host) => `the ${host}'s name does not resolve`],
  [/^LOOKUP_FAILED$/, (host) => `the ${host}'s name cannot be looked up: its name servers fail`],
  [/^ECONNREFUSED$/, (host) => `the ${host} refused the connection`],
  [/^(EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|EACCES|EPERM)$/, (host) => `the ${host} cannot be reached from here`],
  [/^UND_ERR_RES_CONTENT_LENGTH_MISMATCH$/, (host) => `the ${host} sent another length than it announced`],
  [/^(UND_ERR_SOCKET|ECONNRESET|EPIPE)$/, (host) => `the ${host} closed the connection midway`],
  [/^(HTTPParserError|UND_ERR_HEADERS_OVERFLOW)$/, (host) => `the ${host} does not answer in proper HTTP`],
  [/CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS/, (host) => `the ${host}'s certificate is not trusted`],
  [/SSL|EPROTO/, (host) => `no secure connection to the ${host} could be made`],
];

/** The error's code, or its name: undici's parser errors have no code. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}

/** The error of the catalogue for a failed request. An error that is of the catalogue already is returned as it is. */
export function connectionFailure(error: unknown, host: Host): Error {
  if (isFacequeueError(error)) return error;
  const code = codeOf(error);
  if (code === 'LOOKUP_TIMEOUT') return timedOut(`the ${host}'s name was not looked up in time`, error);
  if (/^(UND_ERR_CONNECT_TIMEOUT|ETIMEDOUT)$/.test(code))
    return timedOut(`the ${host} did not accept the connection in time`, error);
  const detail = TEXTS.find(([codes]) => codes.test(code))?.[1](host);
  return unreachable(detail ?? `the connection to the ${host} failed`, error);
}

/** Whether a connection ended before the first byte of the answer. */
export function isStaleSocket(error: unknown): boolean {
  return /^(UND_ERR_SOCKET|ECONNRESET|EPIPE)$/.test(codeOf(error));
}
