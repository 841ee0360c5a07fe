import { expect, it } from 'vitest';
import { installationVariables } from './installation.ts';
import { readConfig } from './variables.ts';

const read = (BASE_PATH: string) => readConfig(installationVariables, { BASE_PATH }).BASE_PATH;

it('BASE_PATH is a path without a slash at its end', () => {
  for (const [text, path] of [
    ['', ''],
    ['/', ''],
    ['/prod', '/prod'],
    ['/prod/', '/prod'],
    ['/a/b-1/~c.d_e/', '/a/b-1/~c.d_e'],
  ] as const)
    expect(read(text), text).toBe(path);
  for (const text of ['prod', '//', '/a//b', '/a b', '/a?b', 'x/a', '/a/b x', '/%20'])
    expect(() => read(text), text).toThrow(`BASE_PATH is "${text}"; expected a path such as /prod`);
});
