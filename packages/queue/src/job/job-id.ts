import { v7, validate, version } from 'uuid';

/** A new job id: a UUIDv7 (RFC 9562), so it sorts by time and contains when it was made. */
export function newJobId(): string {
  return v7();
}

/** Unix milliseconds at which an id was made; undefined for what is no UUIDv7. */
export function jobIdTime(id: string): number | undefined {
  if (!validate(id) || version(id) !== 7) return undefined;
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}
