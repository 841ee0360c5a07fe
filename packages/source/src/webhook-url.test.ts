import { describe, expect, it } from 'vitest';
import { parseWebhookUrl } from './webhook-url.ts';

describe('a webhook URL', () => {
  it.each([
    ['https://example.com/hook?a=b', 'https://example.com/hook?a=b'],
    [' HTTP://Example.com:8080 ', 'http://example.com:8080/'],
    ['https://example.com/hook#part', 'https://example.com/hook'],
  ])('may be %j', (text, url) => expect(parseWebhookUrl(text).href).toBe(url));

  it.each([
    ['', /not an absolute URL/],
    ['/hook', /not an absolute URL/],
    ['s3://bucket/key', /not http or https/],
    ['file:///etc/passwd', /not http or https/],
    ['https://user:secret@example.com/', /user name or password/],
    ['http://example.com:0/', /port 0/],
    ['http://exam\nple.com/', /control character/],
    [`https://example.com/${'a'.repeat(8192)}`, /longer than 8192/],
  ])('may not be %j, and the error names webhook_url', (text, reason) => {
    expect(() => parseWebhookUrl(text)).toThrow(
      expect.objectContaining({
        code: 'invalid_request',
        parameter: 'webhook_url',
        message: expect.stringMatching(reason),
      }),
    );
    expect(() => parseWebhookUrl(text)).toThrow(/^webhook_url /);
  });
});
