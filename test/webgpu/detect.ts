/** Runs in a process of its own, because the Vulkan driver is chosen before a process starts. */
import { readFile } from 'node:fs/promises';
import { createPipeline, type DeviceChoice } from '@facequeue/pipeline';
import { DEFAULT_DETECTION_OPTIONS } from '@facequeue/schema';

const [device, ...images] = process.argv.slice(2) as [DeviceChoice, ...string[]];
await using pipeline = await createPipeline({ device });
const bytes = await Promise.all(images.map((image) => readFile(image)));
// Concurrently, so that they are batched on the device.
const detections = await Promise.all(
  bytes.map((image) => pipeline.detect(image, { ...DEFAULT_DETECTION_OPTIONS, profile: 'fast' })),
);
const faces = detections.map((one) =>
  one.faces.map(({ box, confidence, landmarks, attributes }) => ({
    box,
    confidence,
    landmarks: [...landmarks!],
    attributes: attributes!,
  })),
);
process.stdout.write(JSON.stringify({ device: pipeline.device, faces }));
