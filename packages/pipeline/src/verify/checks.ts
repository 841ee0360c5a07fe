/** Results of a verification, gathered one by one; a check that throws has failed. */
export interface Check {
  /** What was looked at. */
  readonly check: string;
  readonly ok: boolean;
  /** What was seen. */
  readonly detail: string;
}

export class Checks {
  readonly done: Check[] = [];

  /** @param look says what it saw; throws when that is wrong */
  async that(check: string, look: () => Promise<string> | string): Promise<void> {
    try {
      this.done.push({ check, ok: true, detail: await look() });
    } catch (error) {
      this.done.push({ check, ok: false, detail: error instanceof Error ? error.message : String(error) });
    }
  }
}

/** Throws unless every deviation is within what is allowed; otherwise tells them. */
export function within(deviations: Record<string, readonly [found: number, allowed: number]>): string {
  const told = Object.entries(deviations).map(
    ([name, [found, allowed]]) => `${name} off by ${Number(found.toPrecision(3))} (allowed ${allowed})`,
  );
  // Written so that a NaN fails.
  if (!Object.values(deviations).every(([found, allowed]) => found <= allowed)) throw new Error(told.join(', '));
  return told.join(', ');
}
