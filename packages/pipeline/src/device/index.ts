/** Devices by their names, and whether there may be a GPU. Loads no native code. */
export { gpuIsVisible, NO_GPU } from './gpu-visible.ts';
export { DEVICE_NAMES, type Device, type DeviceChoice, DeviceError, partsOf } from './names.ts';
