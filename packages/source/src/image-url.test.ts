import { SOURCE_KINDS } from '@facequeue/schema';
import { describe, expect, it } from 'vitest';
import { checkImageUrl, parseImageUrl } from './image-url.ts';

describe('an image URL', () => {
  it.each([
    [
      'https://example.com/a.jpg',
      'url',
      'image URLs are disabled here: SOURCES or the sources of the key leave out url',
    ],
    ['s3://bucket/key.jpg', 's3', 's3 URLs are disabled here: SOURCES or the sources of the key leave out s3'],
  ] as const)('of %s is refused without the source %s', (text, kind, message) => {
    const others = SOURCE_KINDS.filter((other) => other !== kind);
    expect(() => checkImageUrl(text, [kind])).not.toThrow();
    expect(() => checkImageUrl(text, others)).toThrow(
      expect.objectContaining({ code: 'source_forbidden', message, parameter: 'url' }),
    );
  });

  it.each([
    'http://example.com/a.jpg',
    'HTTPS://example.com',
    'https://example.com/my photo.jpg?size=2#top',
    'http://[2606:4700::1111]:8080/',
    ' https://example.com/a.jpg ',
    's3://bucket/key.jpg',
    'S3://My_Bucket.2/a/..b/.c/d..?c#d',
    'https://example.com/s3://b',
  ])('may be %s', (text) => expect(() => checkImageUrl(text)).not.toThrow());

  it.each([
    ['', /not an absolute URL/],
    ['example.com/a.jpg', /not an absolute URL/],
    ['//example.com/a.jpg', /not an absolute URL/],
    ['http://', /not an absolute URL/],
    ['http://exa mple.com/', /not an absolute URL/],
    ['http://[fe80::1%25eth0]/', /not an absolute URL/],
    ['http://256.1.1.1/', /not an absolute URL/],
    ['file:///etc/passwd', /not http, https or s3/],
    ['ftp://example.com/a.jpg', /not http, https or s3/],
    ['data:image/png;base64,AAAA', /not http, https or s3/],
    ['javascript:alert(1)', /not http, https or s3/],
    ['http://user:secret@example.com/', /user name or password/],
    ['http://user@example.com/', /user name or password/],
    ['http://:secret@example.com/', /user name or password/],
    ['http://example.com:0/', /port 0/],
    ['ht\ttp://example.com/', /control character/],
    ['http://exam\nple.com/', /control character/],
    [`http://example.com/${'a'.repeat(8192)}`, /longer than 8192/],
    ['s3://bucket', /s3:\/\/bucket\/key/],
    ['s3://bucket/', /s3:\/\/bucket\/key/],
    ['s3:///key', /s3:\/\/bucket\/key/],
    ['s3://b/key', /s3:\/\/bucket\/key/],
    ['s3://user@bucket/key', /s3:\/\/bucket\/key/],
    ['s3:bucket/key', /s3:\/\/bucket\/key/],
    [`s3://bucket/${'ü'.repeat(513)}`, /longer than 1024 bytes/],
  ])('may not be %j', (text, reason) => {
    expect(() => checkImageUrl(text)).toThrow(
      expect.objectContaining({ code: 'invalid_request', parameter: 'url', message: expect.stringMatching(reason) }),
    );
  });

  it('of S3 is literal', () => {
    expect(parseImageUrl('s3://bucket/a/%2e%2e/%20b?c#d')).toEqual({
      scheme: 's3',
      bucket: 'bucket',
      key: 'a/%2e%2e/%20b?c#d',
    });
  });
});
