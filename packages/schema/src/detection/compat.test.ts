import { expect, test } from 'vitest';
import { ERROR_CODES } from '../errors.ts';
import { referenceAnswer } from './compat.ts';

test('errors in the call have the text of the reference service, by the member that is wrong', () => {
  const text = (parameter?: string) => referenceAnswer('invalid_request', parameter);
  expect(text('url and img')).toEqual({ status: 400, text: '`url` and `img` cannot be used at the same time' });
  expect(text('url')).toEqual({ status: 400, text: '`parameter `url` illegal' });
  expect(text('img')).toEqual({ status: 400, text: '`parameter `img` illegal' });
  for (const parameter of [undefined, '', 'max_faces'])
    expect(text(parameter)).toEqual({ status: 400, text: 'invalid param' });
});

test('only errors in the call have one; the others stay problems', () => {
  expect(ERROR_CODES.filter((code) => referenceAnswer(code, 'url') !== null).sort()).toEqual([
    'image_too_large',
    'image_undecodable',
    'invalid_base64',
    'invalid_request',
    'source_forbidden',
    'source_timeout',
    'source_unreachable',
    'unsupported_media_type',
  ]);
});
