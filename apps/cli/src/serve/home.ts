import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { identify, isRunning, type ProcessIdentity } from './process-identity.ts';

/** The processes of a `serve`, written down for the next start in case this one crashes. */
export interface ProcessRecord {
  serve: ProcessIdentity;
  /** Where the gateway listens, once it does. */
  url: string | null;
  services: { name: string; process: ProcessIdentity }[];
}

/** The folder cannot be used; the message is for the person who runs `serve`. */
export class HomeError extends Error {
  override readonly name = 'HomeError';
}

/** SQLite's result code for a lock that another process has. */
const SQLITE_BUSY = 5;

/**
 * The private data folder of one `serve`. While this object is open, no other `serve` can open the same folder: the lock is
 * SQLite's on an empty database, so the kernel frees it when the process ends, however it ends.
 */
export class Home implements Disposable {
  readonly folder: string;
  readonly #lock: DatabaseSync;

  /** @throws HomeError when another `serve` uses the folder (the message names it), or it cannot be written */
  constructor(folder: string) {
    this.folder = resolve(folder);
    try {
      mkdirSync(this.folder, { recursive: true, mode: 0o700 });
      this.#lock = new DatabaseSync(this.path('lock'), { timeout: 0 });
      this.#lock.exec('BEGIN EXCLUSIVE');
    } catch (error) {
      if ((error as { errcode?: number }).errcode === SQLITE_BUSY) throw new HomeError(this.#describeOwner());
      throw new HomeError(`${this.folder} cannot be used (FACEQUEUE_HOME): ${(error as Error).message}`);
    }
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** The record that the last `serve` left behind; null when it ended in order. */
  readRecord(): ProcessRecord | null {
    try {
      return JSON.parse(readFileSync(this.path('processes.json'), 'utf8')) as ProcessRecord;
    } catch {
      return null;
    }
  }

  /** Replaces the record atomically: a crash leaves either the old or the new one. */
  writeRecord(record: Omit<ProcessRecord, 'serve'>): void {
    const text = JSON.stringify({ serve: identify(process.pid), ...record });
    writeFileSync(this.path('processes.json.new'), text, { mode: 0o600 });
    renameSync(this.path('processes.json.new'), this.path('processes.json'));
  }

  removeRecord(): void {
    rmSync(this.path('processes.json'), { force: true });
  }

  #describeOwner(): string {
    const record = this.readRecord();
    const owner = record && isRunning(record.serve) ? record : null;
    const details = owner ? ` (process ${owner.serve.pid}${owner.url ? `, at ${owner.url}` : ', still starting'})` : '';
    return `facequeue serve is already running in ${this.folder}${details}.\nStop it first, or give this one another folder: FACEQUEUE_HOME=…`;
  }

  [Symbol.dispose](): void {
    this.#lock.close();
  }
}
