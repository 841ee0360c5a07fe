import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { openApiDocument } from './document.ts';

const published = new URL('../../../../docs/openapi.json', import.meta.url);

it('is the published document; npm run docs renews that', async () => {
  expect(openApiDocument()).toEqual(JSON.parse(await readFile(published, 'utf8')));
});

it('has the version and the base path that it is given', () => {
  expect(openApiDocument({ version: '7.8.9', basePath: '/prod' })).toMatchObject({
    info: { version: '7.8.9' },
    servers: [{ url: '/prod' }],
  });
  expect(openApiDocument({ basePath: '' }).servers).toEqual([{ url: '/' }]);
});
