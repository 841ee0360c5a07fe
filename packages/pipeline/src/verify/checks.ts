/** Results of a verification. A check that throws has failed. */
export interface Check {
  /** Name of the check. */
  readonly check: string;
  readonly ok: boolean;
  /** Its finding. */
  readonly detail: string;
}

export class Checks {
  readonly done: Check[] = [];

  /** @param run returns its finding; throws when the check fails */
  async that(check: string, run: () => Promise<string> | string): Promise<void> {
    try {
      this.done.push({ check, ok: true, detail: await run() });
    } catch (error) {
      this.done.push({ check, ok: false, detail: error instanceof Error ? error.message : String(error) });
    }
  }
}

/** Describes the deviations.
 * @throws Error with the same text when one exceeds what is allowed */
export function checkDeviations(deviations: Record<string, readonly [found: number, allowed: number]>): string {
  const texts = Object.entries(deviations).map(
    ([name, [found, allowed]]) => `${name} off by ${Number(found.toPrecision(3))} (allowed ${allowed})`,
  );
  // Written so that a NaN fails.
  if (!Object.values(deviations).every(([found, allowed]) => found <= allowed)) throw new Error(texts.join(', '));
  return texts.join(', ');
}
