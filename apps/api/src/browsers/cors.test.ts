import { expect, it } from 'vitest';
import { parseOrigin } from './cors.ts';

it.each([
  ['https://shop.example.org', 'https://shop.example.org'],
  ['https://Shop.example.org/', 'https://shop.example.org'],
  ['https://shop.example.org:443', 'https://shop.example.org'],
  ['http://localhost:3000', 'http://localhost:3000'],
  ['capacitor://localhost', 'capacitor://localhost'],
  ['*', '*'],
])('reads the origin %s as %s', (text, origin) => expect(parseOrigin(text)).toBe(origin));

it.each([
  'shop.example.org',
  'https://a/b',
  'https://a?b',
  'https://a#b',
  'https://u:p@a',
  'null',
  'https://',
  '//a',
  'https://*.a/b',
])('does not take %s for an origin', (text) => expect(parseOrigin(text)).toBeNull());
