/** vitest's reporter in the processes that main.ts starts: sends main.ts each file's run, and the errors outside any test. */
import type { SerializedError } from 'vitest';
import type { Reporter, TestModule } from 'vitest/node';
import type { FileRun, Outside } from './stats.ts';

export type Message = { run: FileRun } | { outside: Outside };

export default class SteadyReporter implements Reporter {
  onInit(): void {
    // main.ts is gone, even if it was killed: nobody would read the rest.
    process.once('disconnect', () => process.exit(1));
  }

  onTestModuleEnd(module: TestModule): void {
    const failures: FileRun['failures'] = [];
    const add = (test: string, errors: readonly SerializedError[] = []) =>
      failures.push({ test, message: errors.map(text).join('\n') });
    if (module.errors().length) add('the file', module.errors());
    for (const suite of module.children.allSuites()) if (suite.errors().length) add(suite.fullName, suite.errors());
    for (const test of module.children.allTests('failed')) add(test.fullName, test.result().errors);
    const { collectDuration, duration } = module.diagnostic();
    send({ run: { file: module.moduleId, ms: collectDuration + duration, failures } });
  }

  onTestRunEnd(_: readonly TestModule[], errors: readonly SerializedError[]): void {
    for (const error of errors) {
      const file = error['VITEST_TEST_PATH'];
      send({ outside: { file: typeof file === 'string' ? file : null, message: text(error) } });
    }
  }
}

const text = ({ stack, message }: SerializedError) => stack ?? message;
const send = (message: Message) => process.send!(message);
