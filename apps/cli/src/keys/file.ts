import { open, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { ConfigError } from '@facequeue/schema/config';
import { type KeyEntry, readKeysFile } from '@facequeue/schema/keys-file';

/** Of a file that is created: hashes are no secret, but names of customers may be. */
const PRIVATE = 0o600;

/** @throws ConfigError when the file cannot be read or says something else */
export async function readKeys(path: string): Promise<KeyEntry[]> {
  return parse(path, await readText(path));
}

/**
 * Changes the keys of a file. A gateway that reads it meanwhile sees the keys before or after, never a part of them.
 * @param given its path, which may be a link
 * @param missing what to do without a file: create it, or fail
 * @throws ConfigError when the file cannot be used or written, another change is in progress, or the change would make it unusable
 */
export async function changeKeys(
  given: string,
  missing: 'create' | 'existing',
  change: (keys: readonly KeyEntry[]) => readonly object[],
): Promise<void> {
  // A link stays a link: gateways may have been given the file to which it points.
  const path = await realpath(given).catch(() => given);
  // The next version is also the lock: only the process that creates it may write.
  const next = `${path}.new`;
  const handle = await open(next, 'wx', PRIVATE).catch((error) => {
    if (error.code !== 'EEXIST') throw cannotWrite(path, error);
    throw new ConfigError(`${next} exists: another change is in progress; delete it if none is`);
  });
  try {
    const text = await readText(path, missing);
    const changed = `${JSON.stringify({ keys: change(parse(path, text)) }, null, 2)}\n`;
    readKeysFile(changed);
    const before = await stat(path).catch(() => null);
    await handle.writeFile(changed);
    if (before) {
      await handle.chmod(before.mode & 0o777);
      // A gateway that runs as another user must still be able to read it. Only root may give a file away.
      await handle.chown(before.uid, before.gid).catch(() => handle.chown(-1, before.gid).catch(() => {}));
    }
    await handle.sync();
    await rename(next, path).catch((error) => {
      throw cannotWrite(path, error);
    });
  } catch (error) {
    await rm(next, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
}

async function readText(path: string, missing: 'create' | 'existing' = 'existing'): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && missing === 'create') return '{"keys":[]}';
    throw new ConfigError(`${path} cannot be read: ${code}`);
  }
}

function parse(path: string, text: string): KeyEntry[] {
  try {
    return readKeysFile(text).keys;
  } catch (error) {
    if (error instanceof ConfigError) throw new ConfigError(`${path} cannot be used: ${error.message}`);
    throw error;
  }
}

const cannotWrite = (path: string, error: NodeJS.ErrnoException) =>
  new ConfigError(`${path} cannot be written: ${error.code}`);
