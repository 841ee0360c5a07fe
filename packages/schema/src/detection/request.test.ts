import { describe, expect, it } from 'vitest';
import { oneImage, readDetectionBody, readDetectionQuery } from './request.ts';

const refused = (detail: string, parameter?: string) =>
  expect.objectContaining({
    code: 'invalid_request',
    message: detail,
    ...(parameter !== undefined && { parameter }),
  });
const query = (text: string) => readDetectionQuery(new URLSearchParams(text));
const HOOK = 'https://example.org/hook';

describe('the query of a detection call', () => {
  it('has its queue and its webhook beside the options', () => {
    expect(query('')).toMatchObject({ queue: 'interactive', webhookUrl: undefined });
    expect(query(`priority=bulk&webhook_url=${HOOK}&max_faces=2`)).toEqual({
      queue: 'bulk',
      webhookUrl: HOOK,
      options: { profile: 'balanced', max_faces: 2, landmarks: true, attributes: true, orient: true },
    });
    for (const url of [' http://a', 'HTTPS://a', `http://${'a'.repeat(2041)}`])
      expect(query(new URLSearchParams({ webhook_url: url }).toString()).webhookUrl).toBe(url);
  });

  it.each([
    ['priority=interactive', 'option priority: expected bulk'],
    ['priority=', 'option priority: expected bulk'],
    ['webhook_url=ftp://a', 'option webhook_url: expected an http or https URL'],
    ['webhook_url=xhttp://a', 'option webhook_url: expected an http or https URL'],
    [`webhook_url=http://${'a'.repeat(2042)}`, 'option webhook_url: is longer than 2048 characters'],
    ['priority=bulk&priority=bulk', 'option priority is given twice'],
    [
      `${'x'.repeat(64)}=1`,
      `unknown option "${'x'.repeat(64)}"; there are profile, max_faces, min_confidence, min_face_size, landmarks, attributes, rotate, detail, priority, webhook_url`,
    ],
    [
      `${'x'.repeat(65)}=1`,
      `unknown option "${'x'.repeat(64)}…"; there are profile, max_faces, min_confidence, min_face_size, landmarks, attributes, rotate, detail, priority, webhook_url`,
    ],
  ])('%s is refused', (text, detail) => {
    expect(() => query(text)).toThrow(refused(detail));
  });
});

describe('the body of a detection call', () => {
  it.each([true, false])('has exactly one of url and img, lenient or not (%s)', (lenient) => {
    expect(readDetectionBody({ url: 'u' }, lenient)).toEqual({ url: 'u' });
    expect(readDetectionBody({ img: 'i' }, lenient)).toEqual({ img: 'i' });
    expect(readDetectionBody({ url: 'u'.repeat(8192) }, lenient)).toEqual({ url: 'u'.repeat(8192) });
    for (const [members, detail, parameter] of [
      [{ url: 'u', img: 'i' }, 'url and img cannot be used at the same time', 'url and img'],
      [{}, 'neither url nor img is given', undefined],
      [{ url: '' }, 'url: is empty', 'url'],
      [{ img: '' }, 'img: is empty', 'img'],
      [{ url: 5 }, 'url: expected a string', 'url'],
      [{ img: null }, 'img: expected a string', 'img'],
      [{ url: 'u'.repeat(8193) }, 'url: is longer than 8192 characters', 'url'],
    ] as const) {
      expect(() => readDetectionBody(members, lenient)).toThrow(refused(detail, parameter));
      expect(() => oneImage(members)).toThrow(refused(detail, parameter));
    }
    for (const body of [null, [], 'url', 5, undefined])
      expect(() => readDetectionBody(body, lenient)).toThrow(refused('the body must be a JSON object with url or img'));
  });

  it('may have other members only where the reference service ignores them', () => {
    const members = { url: 'u', max_faces: 5 };
    expect(readDetectionBody(members, true)).toEqual({ url: 'u' });
    expect(() => readDetectionBody(members, false)).toThrow(
      refused('unknown member "max_faces"; there are url and img'),
    );
  });
});
