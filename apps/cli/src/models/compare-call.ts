import type { DetectionOptions } from '@facequeue/schema';

/** What `facequeue models compare` is to do. */
export interface CompareCall {
  /** Paths of manifests. */
  before: string;
  after: string;
  /** Folder of images. */
  folder: string;
  options: DetectionOptions;
  /** How many images, drawn by `seed`; all when undefined. */
  limit: number | undefined;
  seed: number;
  json: boolean;
  page: string | undefined;
  /** Images on the page. */
  worst: number;
}
