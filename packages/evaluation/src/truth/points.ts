/** Ground truth of landmarks: points of a face in an image. */

/** x, y pairs, px. */
export type Points = readonly number[];

/** A face whose points are labelled. */
export interface TruthPoints {
  /** Path relative to the folder of images, with `/`. */
  file: string;
  points: Points;
  layout: 'wflw-98' | 'insightface-106';
  /** Names of the hard subsets that the face belongs to. */
  groups: string[];
}
