import type { CommandModule } from '../program.ts';

export const define: CommandModule['define'] = (command, output, run) => {
  command.description('Checks or lists the files of the model pack. MODEL_PACK names the manifest of another pack.');
  command
    .command('verify')
    .description('check files, checksums, shapes and reference outputs; exit code 1 when a check fails')
    .action(
      run(async () => {
        const { verifyModels } = await import('./models.ts');
        return verifyModels((await config()).MODEL_PACK, output);
      }),
    );
  command
    .command('list')
    .description("print name and version of the pack, and each model's role, licence, size and file")
    .action(
      run(async () => {
        const { listModels } = await import('./models.ts');
        return listModels((await config()).MODEL_PACK, output);
      }),
    );
};

const config = async () => (await import('../config.ts')).modelsConfig();
