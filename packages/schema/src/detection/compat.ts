/** COMPAT=aws: plain-text error answers of the reference service (face_detection of AWS AI Solution Kit). */
import type { ErrorCode } from '../errors.ts';

/** Errors in the call itself. Other errors have no counterpart there and stay problems. */
const CALL_ERRORS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'invalid_request',
  'invalid_base64',
  'unsupported_media_type',
  'image_too_large',
  'image_undecodable',
  'source_forbidden',
  'source_unreachable',
  'source_timeout',
]);

const TEXTS: Record<string, string> = {
  'url and img': '`url` and `img` cannot be used at the same time',
  // The unpaired backtick is the reference's own.
  url: '`parameter `url` illegal',
  img: '`parameter `img` illegal',
};

/**
 * The reference's plain-text answer to an error.
 * @param parameter the invalid request member: `url`, `img`, `url and img`, or none in particular
 * @returns null when the reference has no such error
 * @example
 * referenceAnswer('unauthorized'); // null: it stays a problem
 */
export function referenceAnswer(code: ErrorCode, parameter?: string): { status: 400; text: string } | null {
  if (!CALL_ERRORS.has(code)) return null;
  return { status: 400, text: (parameter && TEXTS[parameter]) || 'invalid param' };
}
