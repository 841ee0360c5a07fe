import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { entriesAt, type Places } from './entries.ts';

/** On every Linux. */
const NOBODY = 65_534;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'facequeue-entries-'));
  for (const path of ['b', 'a/c', '.hidden', 'empty']) mkdirSync(join(folder, path), { recursive: true });
  const files = [
    'z.JPG',
    'b/x.png',
    'a/c/y.webp',
    'a/1.bmp',
    'a/notes.txt',
    '.hidden/h.jpg',
    'a/.h.jpg',
    'e[1].jpeg',
    '#1.jpg',
  ];
  for (const file of files) writeFileSync(join(folder, file), '');
  symlinkSync(join(folder, 'a'), join(folder, 'link'));
  writeFileSync(join(folder, 'list'), `${folder}/z.JPG\r\n\n  https://example.org/a.jpg \n${folder}/notes`);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const idsAt = async (places: Partial<Places>) =>
  (await Array.fromAsync(entriesAt({ args: [], from: undefined, ...places }))).map(({ id }) => id);

describe('the images of a folder', () => {
  it('are all images in it and its subfolders, sorted, with their paths as ids; hidden files, other files and links are skipped', async () => {
    const [, first] = await Array.fromAsync(entriesAt({ args: [folder], from: undefined }));
    expect(first).toEqual({ id: 'a/1.bmp', kind: 'file', path: join(folder, 'a/1.bmp') });
    expect(await idsAt({ args: [`${folder}/`] })).toEqual([
      './#1.jpg',
      'a/1.bmp',
      'a/c/y.webp',
      'b/x.png',
      'e[1].jpeg',
      'z.JPG',
    ]);
  });

  it('have the folder in their ids when it is not the only place', async () => {
    const [a, b] = [join(folder, 'a'), join(folder, 'b')];
    expect(await idsAt({ args: [a, b] })).toEqual([join(a, '1.bmp'), join(a, 'c/y.webp'), join(b, 'x.png')]);
    expect(await idsAt({ args: [join(folder, 'empty')] })).toEqual([]);
  });

  it('include an entry for a subfolder that cannot be read', async () => {
    chmodSync(folder, 0o755);
    chmodSync(join(folder, 'b'), 0);
    const root = process.geteuid!() === 0;
    // Root may read everything, so the test becomes nobody for a while.
    if (root) process.seteuid!(NOBODY);
    try {
      expect(await idsAt({ args: [folder] })).toContain('b/');
    } finally {
      if (root) process.seteuid!(0);
      chmodSync(join(folder, 'b'), 0o755);
    }
  });
});

describe('other places', () => {
  it('are files with any name, URLs, and the matches of a pattern', async () => {
    const notes = join(folder, 'a/notes.txt');
    const url = 'https://example.org/a?b=[1]';
    expect(await idsAt({ args: [notes, url, join(folder, 'none.jpg')] })).toEqual([
      notes,
      url,
      join(folder, 'none.jpg'),
    ]);
    expect((await idsAt({ args: [`${folder}/*/*.{bmp,png}`] })).sort()).toEqual([
      join(folder, 'a/1.bmp'),
      join(folder, 'b/x.png'),
    ]);
    expect(await idsAt({ args: [`${relative('.', folder)}/z.*`] })).toEqual([relative('.', join(folder, 'z.JPG'))]);
    // A file has this name, so it is no pattern.
    expect(await idsAt({ args: [join(folder, 'e[1].jpeg')] })).toEqual([join(folder, 'e[1].jpeg')]);
    expect(await idsAt({ args: [`${folder}/*.gif`] })).toEqual([]);
  });

  it('are the lines of a list', async () => {
    const entries = await Array.fromAsync(entriesAt({ args: [], from: join(folder, 'list') }));
    expect(entries).toEqual([
      { id: `${folder}/z.JPG`, kind: 'file', path: `${folder}/z.JPG` },
      { id: 'https://example.org/a.jpg', kind: 'url', url: 'https://example.org/a.jpg' },
      { id: `${folder}/notes`, kind: 'file', path: `${folder}/notes` },
    ]);
    await expect(idsAt({ from: join(folder, 'none') })).rejects.toThrow(/none cannot be read: ENOENT/);
  });
});
