import type { Pack } from '../pack/load.ts';
import type { Role } from '../pack/manifest.ts';
import { type Device, type DeviceChoice, DeviceError, missing } from './choose.ts';
import { openSession, type Session } from './session.ts';

/** The models of a pack, opened on one device. */
export interface OpenModels extends Record<Role, Session> {
  readonly device: Device;
  /** Why this device, in a sentence for the log. */
  readonly reason: string;
}

/**
 * Opens the three models of a pack.
 * @throws DeviceError when a device asked for by name is not there
 */
export async function openModels(pack: Pack, choice: DeviceChoice, threads: number): Promise<OpenModels> {
  if (choice !== 'auto') return { ...(await openOn(pack, choice, threads)), device: choice, reason: 'asked for' };
  return { ...(await openOn(pack, 'cpu', threads)), device: 'cpu', reason: 'no other was looked for' };
}

async function openOn(pack: Pack, device: Device, threads: number): Promise<Record<Role, Session>> {
  const gap = missing(device);
  if (gap) throw new DeviceError(`DEVICE=${device} cannot be used: ${gap}`);
  const open = (role: Role) => openSession(pack.file(role), { device, threads });
  return { detector: await open('detector'), landmarks: await open('landmarks'), attributes: await open('attributes') };
}
