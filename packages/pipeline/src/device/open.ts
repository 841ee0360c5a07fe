import { checkDeclared } from '../pack/contract.ts';
import { type Pack, PackError } from '../pack/load.ts';
import { type OptionalRole, type Role, rolesOf } from '../pack/manifest.ts';
import { chooseDevice } from './auto.ts';
import { batched } from './batch.ts';
import { missing } from './missing.ts';
import { type Device, type DeviceChoice, DeviceError } from './names.ts';
import { failureText, shareOnDevice } from './probe.ts';
import { openSession, type Session } from './session.ts';

/** The models of a pack, opened on one device. */
export interface OpenModels extends AsyncDisposable {
  /** Those of optional roles are absent when the pack has none. */
  readonly sessions: Record<Exclude<Role, OptionalRole>, Session> & { [R in OptionalRole]?: Session };
  readonly device: Device;
  /** Why this device was chosen, for the log. */
  readonly reason: string;
}

/** `auto` compares devices by what one process does with each: that is what the caller has. */
const ONE_ENGINE = { cpu: 1, gpu: 1 };

/** Images or crops per GPU run. A CPU is no faster with batches. */
const GPU_BATCH = 16;

/**
 * Opens the models of a pack.
 * @throws DeviceError when a device chosen by name is not available or cannot run the whole detector, PackError when a file
 *   is not a model of its role
 */
export async function openModels(pack: Pack, choice: DeviceChoice, threads: number): Promise<OpenModels> {
  const { device, reason } =
    choice === 'auto' ? await chooseDevice(pack.path, ONE_ENGINE) : { device: choice, reason: 'set by DEVICE' };
  if (choice !== 'auto' && device !== 'cpu') await requireDevice(pack.file('detector'), device);

  const opened = new Map<Role, Session>();
  const close = async () => {
    for (const session of opened.values()) await session.close();
  };
  try {
    for (const role of rolesOf(pack.manifest)) {
      const session = await openRole(pack, role, device, threads);
      opened.set(role, device === 'cpu' ? session : batched(session, GPU_BATCH));
    }
  } catch (error) {
    await close();
    throw error;
  }
  const sessions = Object.fromEntries(opened) as OpenModels['sessions'];
  return { sessions, device, reason, [Symbol.asyncDispose]: close };
}

async function openRole(pack: Pack, role: Role, device: Device, threads: number): Promise<Session> {
  const session = await openSession(pack.file(role), { device, threads }).catch((cause: unknown) => {
    throw new PackError(`${pack.file(role)} cannot be opened on ${device}: ${failureText(cause)}`, { cause });
  });
  try {
    checkDeclared(role, pack.manifest, session);
    return session;
  } catch (cause) {
    await session.close();
    throw new PackError(`${pack.file(role)} is no ${role} model: ${(cause as Error).message}`, { cause });
  }
}

async function requireDevice(detector: string, device: Device): Promise<void> {
  const gap = await missing(device);
  if (gap) throw new DeviceError(device, gap);
  const share = await shareOnDevice(detector, device).catch((error: unknown) => {
    throw new DeviceError(device, failureText(error), { cause: error });
  });
  if (share < 1) throw new DeviceError(device, 'it leaves part of the detector to the CPU');
}
