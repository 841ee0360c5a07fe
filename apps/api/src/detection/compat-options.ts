import type { DetectionOptions } from '@facequeue/schema';

/** The options of a call under COMPAT: like the reference service, `aws` ignores EXIF orientation. */
export function compatOptions(options: DetectionOptions, { COMPAT }: { COMPAT: string }): DetectionOptions {
  return COMPAT === 'aws' ? { ...options, orient: false } : options;
}
