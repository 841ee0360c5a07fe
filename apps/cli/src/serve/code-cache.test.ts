import { expect, it } from 'vitest';
import { withCodeCache } from './code-cache.ts';

it('the cache of code is beside the packages, or where NODE_COMPILE_CACHE says', () => {
  const packages = new URL('../../../../node_modules/', import.meta.url).pathname;
  expect(withCodeCache({ A: '1' })).toEqual({ A: '1', NODE_COMPILE_CACHE: `${packages}.cache/facequeue` });
  expect(withCodeCache({ NODE_COMPILE_CACHE: '/tmp/mine' })['NODE_COMPILE_CACHE']).toBe('/tmp/mine');
});
