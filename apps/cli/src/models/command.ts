import { DEVICE_NAMES } from '@facequeue/pipeline/device';
import { listenForInterruption } from '../interruption.ts';
import { addDetectionOptions, type DetectionFlags, readDetectionOptions } from '../options/detection.ts';
import { addHelpParagraphs } from '../options/help.ts';
import { numberFrom } from '../options/values.ts';
import { exitWithPipe } from '../output.ts';
import type { CommandModule } from '../program.ts';

interface CompareFlags extends DetectionFlags {
  sample: string;
  limit?: number;
  seed: number;
  json?: true;
  page?: string;
  worst: number;
  device?: string;
}

export const define: CommandModule['define'] = (command, output, run) => {
  command.description(
    'Checks or lists the files of the model pack, or compares two. MODEL_PACK names the manifest of another pack.',
  );
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
  const compare = command
    .command('compare')
    .description(
      'Runs two packs over the images of a folder: which faces appear and vanish, how far the others move, what it costs (docs/evaluation.md).',
    )
    .argument('<PACK>', 'manifest of the first pack')
    .argument('<OTHER>', 'manifest of the second pack')
    .requiredOption('--sample <DIR>', 'images; subfolders are searched too')
    .option('--limit <N>', 'only N of the images, drawn by --seed', numberFrom(1, 10_000_000))
    .option('--seed <N>', 'another seed draws other images', numberFrom(0, 10_000_000), 1)
    .option('--json', 'the differences as one JSON object instead of a table')
    .option('--page <FILE.html>', 'write a page with the images whose faces differ most')
    .option('--worst <N>', 'images on the page, at most 200', numberFrom(1, 200), 20)
    .option('--device <NAME>', `${DEVICE_NAMES} (default: DEVICE)`);
  addHelpParagraphs(
    addDetectionOptions(compare),
    'Without --min-confidence each pack reports from its own default confidence on. Ctrl-C prints the differences of what is done.',
    'Exit codes: 0 done, 1 a pack cannot be used, an image failed or a file could not be written, 2 the command line was not understood, 130 Ctrl-C.',
  ).action(
    run(async (before: string, after: string, flags: CompareFlags) => {
      const { evalConfig } = await import('../config.ts');
      const config = evalConfig(flags.device);
      const { compareModels } = await import('./compare.ts');
      exitWithPipe();
      using interruption = listenForInterruption();
      const { sample: folder, limit, seed, json = false, page, worst } = flags;
      const call = { before, after, folder, limit, seed, json, page, worst, options: readDetectionOptions(flags) };
      return await compareModels(call, config, interruption, output);
    }),
  );
};

const config = async () => (await import('../config.ts')).modelsConfig();
