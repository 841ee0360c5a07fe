/**
 * How the options of a job or batch are stored. Releases that run at the same time read each other's records, and 0.1.0 expects to know
 * everything in `options`. So `options` holds what that release can do, and `moreOptions`, which it does not read, holds what newer
 * releases do instead. A mixed fleet fails no job; its older workers ignore the newer options.
 */
import { type DetectionOptions, olderValue } from './options.ts';

/** Two fields of a record, both JSON. */
export interface StoredOptions {
  options: string;
  /** Undefined when 0.1.0 knows all options. */
  moreOptions: string | undefined;
}

/**
 * The two fields for some options.
 * @example
 * storedOptions({ ...options, landmarks: 'refined' }).moreOptions; // '{"landmarks":"refined"}'
 */
export function storedOptions(options: DetectionOptions): StoredOptions {
  const given = Object.entries(options);
  const newer = given.filter(([name, value]) => olderValue(name, value) !== value);
  return {
    options: JSON.stringify(Object.fromEntries(given.map(([name, value]) => [name, olderValue(name, value)]))),
    moreOptions: newer.length > 0 ? JSON.stringify(Object.fromEntries(newer)) : undefined,
  };
}

/** The inverse of `storedOptions`. @param moreOptions null, undefined or empty where the record has none */
export function optionsFrom(options: string, moreOptions: string | null | undefined): DetectionOptions {
  return { ...JSON.parse(options), ...(moreOptions && JSON.parse(moreOptions)) };
}
