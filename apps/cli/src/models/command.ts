import type { Command } from '../commands.ts';
import { modelsConfig } from '../config.ts';
import { parseCommandLine, UsageError } from '../usage.ts';

export const modelsCommand: Command = {
  parameters: 'verify|list',
  summary: 'check the model pack, or say what it is made of',
  help: `verify  files, checksums, shapes and the reference outputs; exit code 1 when a check fails
list    name, version, and each model's role, licence, size and file

MODEL_PACK names another pack's manifest.
`,
  async run(args, output) {
    const { positionals } = parseCommandLine('models', { args });
    const [action] = positionals;
    if (positionals.length !== 1 || (action !== 'verify' && action !== 'list'))
      throw new UsageError('models needs one of: verify, list.');
    const { MODEL_PACK } = modelsConfig();
    const { listModels, verifyModels } = await import('./models.ts');
    return action === 'verify' ? verifyModels(MODEL_PACK, output) : listModels(MODEL_PACK, output);
  },
};
