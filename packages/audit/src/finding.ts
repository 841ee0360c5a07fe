/** What a finding is about. `key`: a key of Redis that belongs to nothing. `total`: a counter of the whole installation. */
export type FindingKind =
  | 'job'
  | 'batch'
  | 'camera'
  | 'webhook'
  | 'host'
  | 'lane'
  | 'flow'
  | 'token'
  | 'reservation'
  | 'schedule'
  | 'key'
  | 'total';

/** One disagreement between what is stored and what follows from the records. */
export interface Finding {
  kind: FindingKind;
  /** Which one: an id, the name of a camera, lane, host, key or counter. */
  subject: string;
  /** What of it is wrong, in words or by the name of its stored field. */
  property: string;
  /** What the property would be if the rest of Redis is right. */
  expected: string;
  /** What it is. */
  found: string;
  /** All of this as one sentence. */
  text: string;
}
