/** px from the top left corner of the picture. */
export interface Rectangle {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** RGB, 8 bit, interleaved, row-major: `data.length === width * height * 3`. */
export interface Picture {
  data: Uint8Array;
  /** px */
  width: number;
  /** px */
  height: number;
}

/** A face as the pipeline reports it; coordinates are px of the picture and may lie outside it. */
export interface DrawableFace {
  box: Rectangle;
  /** 0..1 */
  confidence: number;
  /** x, y pairs, px. */
  landmarks?: ArrayLike<number>;
  /** Probability of male 0..1 and age in years. */
  attributes?: { male: number; age: number };
}
