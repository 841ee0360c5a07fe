/** A setup file of vitest: processes that a test starts with its own environment have the same mutant. */
import { beforeAll, inject } from 'vitest';

declare module 'vitest' {
  interface ProvidedContext {
    /** Stryker's runner provides them. */
    mode: 'dry-run' | 'mutant';
    activeMutant: string;
  }
}

beforeAll(() => {
  if (inject('mode') === 'mutant') process.env['__STRYKER_ACTIVE_MUTANT__'] = inject('activeMutant');
});
