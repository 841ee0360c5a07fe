import { isFacequeueError } from '@facequeue/schema';
import { timedOut, unreachable } from '../errors.ts';

/** Text for an error code of undici, the system or OpenSSL; with several addresses tried, the first one's. None of them names an address. */
const TEXTS: [codes: RegExp, detail: string][] = [
  [/^(ENOTFOUND|EAI_\w+|ENODATA|EBADNAME)$/, "The image host's name does not resolve."],
  [/^ECONNREFUSED$/, 'The image host refused the connection.'],
  [/^(EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|EACCES|EPERM)$/, 'The image host cannot be reached from here.'],
  [/^UND_ERR_RES_CONTENT_LENGTH_MISMATCH$/, 'The image host sent another length than it announced.'],
  [/^(UND_ERR_SOCKET|ECONNRESET|EPIPE)$/, 'The image host closed the connection midway.'],
  [/^(HTTPParserError|UND_ERR_HEADERS_OVERFLOW)$/, 'The image host does not answer in proper HTTP.'],
  [/CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS/, "The image host's certificate is not trusted."],
  [/SSL|EPROTO/, 'No secure connection to the image host could be made.'],
];

/** The code; undici's parser errors have only a name. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}

/** The catalogue's error for whatever a request was rejected with; an error of the catalogue stays what it is. */
export function connectionFailure(error: unknown): Error {
  if (isFacequeueError(error)) return error;
  const code = codeOf(error);
  if (/^(UND_ERR_CONNECT_TIMEOUT|ETIMEDOUT)$/.test(code))
    return timedOut('The image host did not accept the connection in time.', error);
  const detail = TEXTS.find(([codes]) => codes.test(code))?.[1];
  return unreachable(detail ?? 'The connection to the image host failed.', error);
}

/** Whether a connection ended before a single byte of the answer had come. */
export function isStaleSocket(error: unknown): boolean {
  return /^(UND_ERR_SOCKET|ECONNRESET|EPIPE)$/.test(codeOf(error));
}
