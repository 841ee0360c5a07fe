/**
 * What an engine process may do. It decodes images of strangers with native code, so it must be able to do little when one of them takes
 * it over. Everything is done by the tools of util-linux (part of every Debian) before Node starts in it, and is then read back from /proc.
 */
import { spawnSync } from 'node:child_process';
import { chownSync, existsSync, lstatSync, mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const SANDBOX_MODES = ['auto', 'require', 'off'] as const;
export type SandboxMode = (typeof SANDBOX_MODES)[number];

/** What may be in force, as `/system` names it. docs/security.md says what each means. */
export const PROTECTIONS = [
  'no_new_privileges',
  'no_capabilities',
  'limits',
  'own_user',
  'no_network',
  'read_only',
] as const;
export type Protection = (typeof PROTECTIONS)[number];

/** What needs no privilege, so that `ENGINE_SANDBOX=require` asks for it. */
export const REQUIRED: readonly Protection[] = ['no_new_privileges', 'no_capabilities', 'limits'];

export interface Sandbox extends Disposable {
  /** The command that starts a program in it; the program and its arguments follow. Empty where nothing is available. */
  readonly command: readonly string[];
  readonly inForce: readonly Protection[];
  readonly missing: readonly Protection[];
  /** The folder in which engines may write; they get it as TMPDIR. */
  readonly scratch: string | null;
}

export const NO_SANDBOX: Sandbox = {
  command: [],
  inForce: [],
  missing: PROTECTIONS,
  scratch: null,
  [Symbol.dispose]() {},
};

/** The user `nobody` of every Linux. */
const NOBODY = 65_534;

/** Folders in which everybody may write. */
const PUBLIC_FOLDERS = ['/tmp', '/var/tmp', '/dev/shm', '/dev/mqueue', '/run/lock'];

/** Most processes and threads of the engines' user, on the whole host: an engine has about a dozen. */
const MAX_PROCESSES = 4096;
const MAX_OPEN_FILES = 1024;
/** Largest file; engines write none but, with a GPU, the profile of its trial. */
const MAX_FILE_BYTES = 64 << 20;
/**
 * Addresses an engine may map, bytes. Node and the models map 2 GB. V8 reserves 8.4 GB of addresses, but no memory, for each WebAssembly memory:
 * the arena of the pixels, a new arena while the old one is collected, and the one with which Node strips types. Images and their tensors come
 * on top.
 */
const MAX_ADDRESS_BYTES = 40 * 1024 ** 3;

/** What the sandbox must leave usable. */
export interface SandboxNeeds {
  /** Files that the engine reads first; one it cannot read as another user rules that user out. */
  readable: readonly string[];
  /** Whether it may use a GPU, whose drivers map more than the machine has memory. */
  gpu: boolean;
}

/** Prepares the sandbox, as tight as this machine and this user allow. */
export function prepareSandbox({ readable, gpu }: SandboxNeeds): Sandbox {
  const root = process.getuid?.() === 0;
  removeStaleScratch();
  const scratch = mkdtempSync(join(tmpdir(), `${scratchOfHere()}${process.pid}-`));
  const limits = ['prlimit', `--core=0`, `--nproc=${MAX_PROCESSES}`, `--nofile=${MAX_OPEN_FILES}`];
  limits.push(`--fsize=${MAX_FILE_BYTES}`);
  if (!gpu) limits.push(`--as=${MAX_ADDRESS_BYTES}`);
  limits.push('--');

  const privileges = ['setpriv', '--pdeathsig', 'KILL'];
  const add = (...options: string[]) => {
    if (works(['setpriv', ...options, '--'])) privileges.push(...options);
  };
  add('--no-new-privs');
  add('--inh-caps=-all', '--ambient-caps=-all', '--bounding-set=-all');
  if (root) {
    const user = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, ...groups(gpu)];
    const can = (flag: string) => (file: string) => runs(['setpriv', ...user, '--', 'test', flag, file]);
    const ownUser = readable.every(can('-r')) && (!gpu || gpuDevices().every(can('-w')));
    if (ownUser) {
      privileges.push(...user);
      chownSync(scratch, NOBODY, NOBODY);
    }
  }
  privileges.push('--');

  const command: string[] = [];
  const folders = PUBLIC_FOLDERS.filter((folder) => existsSync(folder));
  const spaces = ['unshare', '--net', '--mount', '--'];
  const readOnly = [...spaces, 'sh', '-ec', READ_ONLY, 'sh', scratch, ...folders, '--'];
  if (root && works(readOnly)) command.push(...readOnly);
  else if (root && works(['unshare', '--net', '--'])) command.push('unshare', '--net', '--');
  if (works(privileges)) command.push(...privileges);
  if (works(limits)) command.push(...limits);

  const usable = works(command);
  const inForce = usable ? measured(command, folders) : [];
  return {
    command: usable ? command : [],
    inForce,
    missing: PROTECTIONS.filter((protection) => !inForce.includes(protection)),
    scratch,
    [Symbol.dispose]: () => rmSync(scratch, { recursive: true, force: true }),
  };
}

/** How scratch folders of this pid namespace begin; the pid of their worker follows, which means nothing in another one. */
function scratchOfHere(): string {
  const namespace = existsSync('/proc/self/ns/pid') ? readlinkSync('/proc/self/ns/pid').replace(/\D/g, '') : '0';
  return `facequeue-engines-${namespace}-`;
}

/** Removes the scratch folders of workers that were killed. */
function removeStaleScratch(): void {
  const pattern = new RegExp(`^${scratchOfHere()}(\\d+)-`);
  for (const name of readdirSync(tmpdir())) {
    const pid = pattern.exec(name)?.[1];
    if (pid === undefined || isRunning(Number(pid))) continue;
    try {
      rmSync(join(tmpdir(), name), { recursive: true, force: true });
    } catch {
      // Another user's, who will remove it.
    }
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/**
 * Makes the public folders read-only, all but the scratch folder, in a mount namespace of its own. What comes after `--` runs in it.
 * A folder is mounted on itself first: mounts of others below it are left out, the scratch folder comes back.
 */
const READ_ONLY = `
scratch=$1; shift; folders=
while [ "$1" != -- ]; do folders="$folders $1"; mount --bind "$1" "$1"; shift; done; shift
mount --bind "$scratch" "$scratch"
for folder in $folders; do mount -o remount,bind,ro "$folder"; done
exec "$@"`;

/** The groups that own this machine's GPUs; none without one. */
function groups(gpu: boolean): string[] {
  const owners = gpu ? [...new Set(gpuDevices().map((file) => lstatSync(file).gid))] : [];
  return owners.length > 0 ? [`--groups=${owners.join(',')}`] : ['--clear-groups'];
}

/** The device files of GPUs: NVIDIA's, AMD's, those of Linux' own drivers, and Windows' under WSL. */
export function gpuDevices(): string[] {
  const filesOf = (folder: string, name: RegExp) => {
    try {
      return readdirSync(folder)
        .filter((file) => name.test(file))
        .map((file) => join(folder, file));
    } catch {
      return [];
    }
  };
  return [...filesOf('/dev', /^(nvidia.*|kfd|dxg)$/), ...filesOf('/dev/dri', /^(card|renderD)/)].filter(
    (file) => !lstatSync(file).isDirectory(),
  );
}

const runs = ([file, ...args]: string[]) => spawnSync(file!, args, { stdio: 'ignore', cwd: '/' }).status === 0;
const works = (command: readonly string[]) => command.length > 0 && runs([...command, 'true']);

/** What the kernel says of a process that the command starts. */
function measured(command: readonly string[], folders: readonly string[]): Protection[] {
  const probe =
    'cat /proc/self/status; cat /proc/self/limits; readlink /proc/self/ns/net; id -u; for f in "$@"; do test -w "$f" && echo "writable $f"; done; true';
  const [file, ...args] = [...command, 'sh', '-c', probe, 'sh', ...folders];
  const { stdout, status } = spawnSync(file!, args, { encoding: 'utf8', cwd: '/' });
  if (status !== 0) return [];
  const member = (name: string) => new RegExp(`^${name}:\\s+(\\S+)`, 'm').exec(stdout)?.[1];
  const none = (name: string) => /^0+$/.test(member(name) ?? '');
  const limit = (name: string) => new RegExp(`^${name}\\s+(\\S+)`, 'm').exec(stdout)?.[1];
  const found: Record<Protection, boolean> = {
    no_new_privileges: member('NoNewPrivs') === '1',
    no_capabilities: none('CapEff') && none('CapPrm') && (none('CapBnd') || member('NoNewPrivs') === '1'),
    limits: limit('Max file size') === String(MAX_FILE_BYTES) && limit('Max processes') === String(MAX_PROCESSES),
    own_user: member('Uid') !== String(process.getuid?.()),
    no_network: !stdout.includes(readlinkSync('/proc/self/ns/net')),
    read_only: member('Uid') !== '0' && !folders.some((folder) => stdout.includes(`writable ${folder}\n`)),
  };
  return PROTECTIONS.filter((protection) => found[protection]);
}
