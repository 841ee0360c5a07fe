/** docs/security.md names every limit, with the default that it has. */
import { readFileSync } from 'node:fs';
import { boundsOf, readConfig } from '@facequeue/schema/config';
import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { gatewayVariables } from '../apps/api/src/variables.ts';
import { serveVariables } from '../apps/cli/src/variables.ts';
import { workerVariables } from '../apps/worker/src/variables.ts';

const PAGE = readFileSync(new URL('security.md', import.meta.url), 'utf8');
const SHAPES = [gatewayVariables, workerVariables, serveVariables] as Record<string, z.ZodType>[];
/** Numbers that limit nobody. */
const NO_LIMITS = ['PORT', 'WORKER_PORT', 'SHUTDOWN_GRACE', 'ENGINES'];

/** Of systems. */
const NOT_OURS = new Set(['AF_NETLINK', 'AWS_SHARED_CREDENTIALS_FILE']);

/** Of docker-compose.yml, not of a process. */
const COMPOSE = readFileSync(new URL('../docker-compose.yml', import.meta.url), 'utf8');

const settings = new Map(SHAPES.flatMap((shape) => Object.entries(shape)));
const limits = [...settings].filter(([name, variable]) => boundsOf(variable) && !NO_LIMITS.includes(name));

const settingOf = (name: string, text?: string) =>
  readConfig({ [name]: settings.get(name)! }, text === undefined ? {} : { [name]: text })[name];

/** `60 s`, `10 min`, `4 096`, `256 MB` as settings write them. */
const asSetting = (text: string) => text.replace('min', 'm').replaceAll(/[\s ]/g, '').toLowerCase();

/** Each setting in a table that is followed by a value. */
const stated = [
  ...PAGE.matchAll(/`(?<name>[A-Z][A-Z_]+)` (?<value>\d[\d ]*(?: ?(?:kB\/s|[kMGT]?B|ms|s|min|h|d))?)(?=[ ,;|:])/g),
].map(({ groups }) => ({ name: groups!['name']!, value: groups!['value']!.trim().replace('/s', '') }));

describe('docs/security.md', () => {
  it('names every setting that is a limit', () => {
    expect(limits.length).toBeGreaterThan(25);
    expect(limits.map(([name]) => name).filter((name) => !PAGE.includes(`\`${name}`))).toEqual([]);
    expect(NO_LIMITS.filter((name) => !settings.has(name))).toEqual([]);
  });

  it('names no setting that there is not', () => {
    const names = [...PAGE.matchAll(/`([A-Z]+_[A-Z_]+)[`=]/g)].map(([, name]) => name!);
    // Secrets may be in a file, which `NAME_FILE` names.
    const isSetting = (name: string) =>
      settings.has(name) ||
      settings.has(name.replace(/_FILE$/, '')) ||
      NOT_OURS.has(name) ||
      COMPOSE.includes(`{${name}:-`);
    expect(names.filter((name) => !isSetting(name))).toEqual([]);
  });

  it.each(stated)('says the default of $name, $value', ({ name, value }) => {
    expect(settingOf(name, asSetting(value))).toEqual(settingOf(name));
  });

  it('says the defaults of most', () => {
    const names = new Set(stated.map(({ name }) => name));
    expect(names.size).toBeGreaterThan(20);
  });
});
