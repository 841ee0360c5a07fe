import type { IncomingMessage } from 'node:http';
import { FacequeueError } from '@facequeue/schema';
import { describe, expect, it } from 'vitest';
import { bodyCap } from './body-cap.ts';
import { type BodyForm, bodyForm, IMAGE_FORMS } from './media-type.ts';

const ITEM_FORMS = ['lines', 'json'] as const;

/** The form, or the text of the refusal. */
function formOf(headers: Record<string, string>, forms: readonly BodyForm[] = IMAGE_FORMS): string {
  try {
    return bodyForm({ headers } as unknown as IncomingMessage, forms);
  } catch (error) {
    if (!(error instanceof FacequeueError)) throw error;
    expect(error.code).toBe('unsupported_media_type');
    return error.message;
  }
}

describe('the form of a body', () => {
  it.each([
    ['image/jpeg', 'raw'],
    ['IMAGE/X-Anything; a=b', 'raw'],
    ['application/octet-stream', 'raw'],
    ['application/json', 'json'],
    [' Application/JSON ;charset=UTF-8', 'json'],
    ['application/json; charset="utf8"', 'json'],
    ['multipart/form-data; boundary=x', 'form'],
  ])('%s is that of an image: %s', (type, form) => {
    expect(formOf({ 'content-type': type })).toBe(form);
  });

  it.each([
    ['application/x-ndjson', 'lines'],
    ['application/ndjson', 'lines'],
    ['application/x-ndjson; charset=utf-8', 'lines'],
    ['application/json', 'json'],
  ])('%s is that of items: %s', (type, form) => {
    expect(formOf({ 'content-type': type }, ITEM_FORMS)).toBe(form);
  });

  it('has no charset but UTF-8, in JSON and in lines', () => {
    for (const type of ['application/json', 'application/x-ndjson']) {
      for (const charset of ['charset=latin1', 'charset="utf-16"', 'x=y; charset=ascii'])
        expect(formOf({ 'content-type': `${type}; ${charset}` }, ITEM_FORMS)).toBe('JSON must be UTF-8');
    }
    // It says nothing about bytes.
    expect(formOf({ 'content-type': 'image/svg+xml; charset=latin1' })).toBe('raw');
  });

  it('has no encoding', () => {
    expect(formOf({ 'content-type': 'image/png', 'content-encoding': 'Identity' })).toBe('raw');
    for (const encoding of ['gzip', 'br', 'identity, gzip'])
      expect(formOf({ 'content-type': 'image/png', 'content-encoding': encoding })).toBe(
        'Content-Encoding is not supported',
      );
  });

  it('that a route does not take is refused with those that it does', () => {
    const image = 'image/*, application/octet-stream, application/json, or multipart/form-data';
    expect(formOf({})).toBe(`Content-Type is missing; send ${image}`);
    expect(formOf({ 'content-type': 'text/plain' })).toBe(`Content-Type is not supported; send ${image}`);
    expect(formOf({ 'content-type': 'application/x-ndjson' })).toBe(
      `Content-Type is not supported here; send ${image}`,
    );
    expect(formOf({ 'content-type': 'image/png' }, ITEM_FORMS)).toBe(
      'Content-Type is not supported here; send application/x-ndjson or application/json',
    );
    expect(formOf({ 'content-type': 'application/x-www-form-urlencoded' })).toMatch(
      /with curl add -H 'Content-Type: application\/octet-stream'$/,
    );
  });
});

it('the largest body holds the largest image in each form, and little else', () => {
  for (const bytes of [1, 2, 3, 99_999, 100_000]) {
    expect(bodyCap('raw', bytes)).toBe(bytes);
    expect(bodyCap('json', bytes)).toBe(Buffer.alloc(bytes).toString('base64').length + 131_072);
    expect(bodyCap('form', bytes)).toBe(bytes + 65_536);
  }
});
