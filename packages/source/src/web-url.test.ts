import { expect, it } from 'vitest';
import { portOf } from './web-url.ts';

it.each([
  ['http://photos.test/', 80],
  ['https://photos.test/', 443],
  ['http://photos.test:443/', 443],
  ['https://photos.test:80/', 80],
  ['https://photos.test:8443/', 8443],
])('the port of %s is %i', (url, port) => {
  expect(portOf(new URL(url))).toBe(port);
});
