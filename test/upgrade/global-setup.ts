import { lastRelease } from './release.ts';

/** Installs the release once for all files. */
export async function setup() {
  await lastRelease();
}
