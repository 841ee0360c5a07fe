import type { Command } from 'commander';
import { listenForInterruption } from '../interruption.ts';
import { exitWithPipe } from '../output.ts';
import type { CommandModule } from '../program.ts';
import type { EvalContext } from './eval.ts';
import { addEvalOptions, type EvalCall, type EvalFlags, readEvalCall } from './options.ts';

type Evaluations = typeof import('./eval.ts');

export const define: CommandModule['define'] = (command, output, run) => {
  const action = (
    evaluate: (of: Evaluations) => (path: string, call: EvalCall, context: EvalContext) => Promise<number>,
  ) =>
    run(async (path: string, flags: EvalFlags) => {
      const call = readEvalCall(flags);
      const { evalConfig } = await import('../config.ts');
      const config = evalConfig(call.source.device);
      // The inference libraries are loaded only here: they take a second.
      const evaluations = await import('./eval.ts');
      exitWithPipe();
      using interruption = listenForInterruption();
      return await evaluate(evaluations)(path, call, { config, interruption, output });
    });
  command.description('Measures how good answers are against labelled images (docs/evaluation.md).');
  withImages(
    command.command('detection'),
    'Faces are asked for from confidence 0.1 on, and 10000 of them unless --max-faces says otherwise. Precision, recall and F1 are those at --min-confidence, by default the default of the pack.',
  )
    .description(
      'Average precision, recall and F1 of faces. TRUTH is a .txt file of WIDER FACE (wider_face_val_bbx_gt.txt) or a .json file of COCO.',
    )
    .argument('<TRUTH>', 'labelled boxes')
    .action(action((of) => of.evalDetection));
  withImages(
    command.command('landmarks'),
    'Faces are asked for from confidence 0.1 on unless --min-confidence says otherwise; a labelled face belongs to the detected one that overlaps its points most.',
  )
    .description(
      'Normalised mean error of the 106 points. TRUTH is a .txt list of WFLW (98 points), or a .json, .jsonl or .ndjson file with landmark_106 in the form of `detect --json`.',
    )
    .argument('<TRUTH>', 'labelled points')
    .action(action((of) => of.evalLandmarks));
  addEvalOptions(command.command('attributes'), 'Of an image counts the most confident face.')
    .description(
      'Gender accuracy and age error. DIR has images with the names of UTKFace: 25_0_2_20170116174525125.jpg is a man (0; a woman is 1) of 25 years, of Asian origin (2).',
    )
    .argument('<DIR>', 'labelled images')
    .action(action((of) => of.evalAttributes));
};

function withImages(command: Command, ...paragraphs: string[]): Command {
  return addEvalOptions(
    command.option('--images <DIR>', 'folder of the images (default: that of TRUTH)'),
    ...paragraphs,
  );
}
