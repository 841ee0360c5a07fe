import { FacequeueError } from '@facequeue/schema';
import { describe, expect, it } from 'vitest';
import { connectionFailure } from './failures.ts';

const withCode = (code: string) => Object.assign(new Error('at 10.0.0.1'), { code });

describe('a failed request', () => {
  it.each([
    ['ENOTFOUND', "the receiver's name does not resolve"],
    ['ECONNREFUSED', 'the receiver refused the connection'],
    ['EHOSTUNREACH', 'the receiver cannot be reached from here'],
    ['EPERM', 'the receiver cannot be reached from here'],
    ['UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'the receiver sent another length than it announced'],
    ['UND_ERR_SOCKET', 'the receiver closed the connection midway'],
    ['ECONNRESET', 'the receiver closed the connection midway'],
    ['UND_ERR_HEADERS_OVERFLOW', 'the receiver does not answer in proper HTTP'],
    ['CERT_HAS_EXPIRED', "the receiver's certificate is not trusted"],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', "the receiver's certificate is not trusted"],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'no secure connection to the receiver could be made'],
    ['EPROTO', 'no secure connection to the receiver could be made'],
    ['ESOMETHING', 'the connection to the receiver failed'],
  ])('with %s is source_unreachable: %s', (code, message) => {
    const error = withCode(code);
    expect(connectionFailure(error, 'receiver')).toMatchObject({ code: 'source_unreachable', message, cause: error });
    expect(connectionFailure(error, 'image host').message).toBe(message.replace('receiver', 'image host'));
  });

  it.each(['UND_ERR_CONNECT_TIMEOUT', 'ETIMEDOUT'])('with %s is source_timeout', (code) => {
    expect(connectionFailure(withCode(code), 'receiver')).toMatchObject({
      code: 'source_timeout',
      message: 'the receiver did not accept the connection in time',
    });
  });

  it('is named by its kind when it has no code, and may be anything', () => {
    const parser = Object.assign(new Error('bad'), { name: 'HTTPParserError' });
    expect(connectionFailure(parser, 'receiver').message).toBe('the receiver does not answer in proper HTTP');
    for (const error of [Object.assign(new Error('bad'), { code: 7 }), undefined, 'ECONNREFUSED'])
      expect(connectionFailure(error, 'receiver').message).toBe('the connection to the receiver failed');
  });

  it('that is of the catalogue already stays as it is', () => {
    const error = new FacequeueError('source_forbidden', 'no');
    expect(connectionFailure(error, 'receiver')).toBe(error);
  });
});
