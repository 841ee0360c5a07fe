/** The devices that models run on, by the names of the setting `DEVICE`. */

/** onnxruntime's providers that are served. */
const PROVIDERS = ['cpu', 'webgpu', 'cuda', 'tensorrt'] as const;
export type Provider = (typeof PROVIDERS)[number];

/** A device that models run on: a provider, and of NVIDIA's several GPUs which one, as in `cuda:1`. */
export type Device = Provider | `cuda:${number}` | `tensorrt:${number}`;
/** A value of the setting. */
export type DeviceChoice = Device | 'auto';

/** A device chosen by name is not available. Operators see it at start-up. */
export class DeviceError extends Error {
  override readonly name = 'DeviceError';
  readonly reason: string;

  constructor(device: Device, reason: string, options?: ErrorOptions) {
    super(`DEVICE=${device} cannot be used: ${reason}`, options);
    this.reason = reason;
  }
}

/** The names that the setting takes, for people. */
export const DEVICE_NAMES = 'auto, cpu, webgpu, cuda, cuda:N, tensorrt or tensorrt:N';

/** @returns null when the text names no device */
export function readDevice(text: string): DeviceChoice | null {
  const isProvider = (PROVIDERS as readonly string[]).includes(text);
  return text === 'auto' || isProvider || /^(cuda|tensorrt):(0|[1-9]\d?)$/.test(text) ? (text as DeviceChoice) : null;
}

/** What was expected instead of a text that names no device. */
export function expectedDevice(text: string): string {
  if (text.startsWith('webgpu:'))
    return 'webgpu without a number: onnxruntime cannot pick a WebGPU adapter, so give each container one GPU';
  if (text.startsWith('cpu:')) return 'cpu without a number: ENGINES says how many cores are used';
  return DEVICE_NAMES;
}

/** The provider of a device, and its GPU's number; null where none is named. */
export function partsOf(device: Device): { provider: Provider; index: number | null } {
  const [provider, index] = device.split(':') as [Provider, string?];
  return { provider, index: index === undefined ? null : Number(index) };
}
