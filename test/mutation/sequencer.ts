import { basename, dirname } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * The order of test files for a mutant, whose run ends at the first failure: the file that is named after the mutated one, those that
 * failed for the mutant before, those of its folder, then the quick ones. Vitest's own begins with the longest.
 */
export default class LikelyKillersFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // Stryker's runner sets it to the mutated file.
    const mutated = this.ctx.config.related?.[0] ?? '';
    const rank = new Map(files.map((file) => [file, this.#rank(file, mutated)]));
    return files.toSorted((a, b) => {
      const [first, second] = [rank.get(a)!, rank.get(b)!];
      return first.likelihood - second.likelihood || first.duration - second.duration;
    });
  }

  #rank(file: TestSpecification, mutated: string): { likelihood: number; duration: number } {
    const { failed = false, duration = 0 } = this.ctx.cache.getTestSpecificationResult(file) ?? {};
    const isNamesake = basename(file.moduleId, '.test.ts') === basename(mutated, '.ts');
    const isNeighbour = dirname(file.moduleId) === dirname(mutated);
    return { likelihood: isNeighbour && isNamesake ? 0 : failed ? 1 : isNeighbour ? 2 : 3, duration };
  }
}
