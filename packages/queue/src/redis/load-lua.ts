import { readFileSync } from 'node:fs';

const INCLUDE = /^--- @include (\S+)$/gm;

/**
 * The text of a Lua script with its includes put in: each file once, before the first file that needs it. A file names what it
 * uses itself by a path relative to it (`--- @include ../redis/keys.lua`).
 * @throws when files include each other in a circle
 */
export function loadLua(file: URL): string {
  const done = new Set<string>();
  const open: string[] = [];
  const load = (url: URL): string => {
    if (done.has(url.href)) return '';
    if (open.includes(url.href)) throw new Error(`${url.pathname} includes itself by way of ${open.at(-1)}`);
    open.push(url.href);
    const text = readFileSync(url, 'utf8').replace(INCLUDE, (_, path: string) => load(new URL(path, url)));
    open.pop();
    done.add(url.href);
    return text;
  };
  return load(file);
}
