import { matchesGlob } from 'node:path';
import { expect, it } from 'vitest';
import all from '../../vitest.config.ts';
import browser from '../browser/vitest.config.ts';
import { repositoryFiles } from '../support/repository.ts';
import upgrade from '../upgrade/vitest.config.ts';
import webgpu from '../webgpu/vitest.config.ts';

// CI runs these four.
const configurations = [all, browser, upgrade, webgpu].map(({ test = {} }) => test);
const some = (globs: readonly string[], file: string) => globs.some((glob) => matchesGlob(file, glob));

it('runs each test file by one configuration', () => {
  const files = repositoryFiles().filter((file) => /\.(test|spec)\.\w+$/.test(file));
  const runs = (file: string) =>
    configurations.filter(({ include = [], exclude = [] }) => some(include, file) && !some(exclude, file)).length;
  expect(files.length).toBeGreaterThan(200);
  expect(files.filter((file) => runs(file) !== 1)).toEqual([]);
});
