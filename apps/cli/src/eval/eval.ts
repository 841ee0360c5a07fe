/** The three evaluations: ground truth from files, answers from a service or from this process. */
import { dirname } from 'node:path';
import { DeviceError, loadPack, PackError } from '@facequeue/pipeline';
import type { EvalConfig } from '../config.ts';
import type { Interruption } from '../interruption.ts';
import { openClient, readTarget } from '../options/server.ts';
import type { Output } from '../output.ts';
import type { PageHead } from '../page/page.ts';
import { UsageError } from '../usage.ts';
import { attributeSubject } from './attributes.ts';
import { detectionSubject } from './detection.ts';
import { type Detector, openPipelineDetector, openServiceDetector } from './detector.ts';
import { landmarkSubject } from './landmarks.ts';
import type { EvalCall, Source } from './options.ts';
import { evaluate } from './run.ts';
import type { Labelled, Subject } from './subject.ts';
import { readDetectionTruth, readLandmarkTruth, readPeople } from './truth.ts';

/** What an evaluation takes from its process. */
export interface EvalContext {
  config: EvalConfig;
  interruption: Interruption;
  output: Output;
}

/**
 * Evaluates detection.
 * @param path of the ground truth
 * @returns the exit code
 * @throws UsageError
 */
export async function evalDetection(path: string, call: EvalCall, context: EvalContext): Promise<number> {
  const truth = readDetectionTruth(path);
  return withModels(context, async () => {
    const { manifest } = await loadPack(context.config.MODEL_PACK);
    const confidence = call.options.min_confidence ?? manifest.detection.default_confidence;
    const subject = detectionSubject(truth, call.options, confidence);
    const legend = [
      { colour: 'found', meaning: `found at confidence ${confidence}` },
      { colour: 'missed', meaning: 'missed' },
      { colour: 'wrong', meaning: 'false' },
      { colour: 'ignored', meaning: 'counts neither way' },
    ] as const;
    return runWith(subject, legend, call.images ?? dirname(path), call, context, manifest.version);
  });
}

/**
 * Evaluates landmarks.
 * @param path of the ground truth
 * @returns the exit code
 * @throws UsageError
 */
export async function evalLandmarks(path: string, call: EvalCall, context: EvalContext): Promise<number> {
  if (call.options.landmarks === false) throw new UsageError('--no-landmarks leaves nothing to evaluate');
  const subject = landmarkSubject(readLandmarkTruth(path), call.options);
  const legend = [
    { colour: 'found', meaning: 'labelled' },
    { colour: 'wrong', meaning: 'detected' },
    { colour: 'missed', meaning: 'labelled, not detected' },
  ] as const;
  return withModels(context, () => runWith(subject, legend, call.images ?? dirname(path), call, context));
}

/**
 * Evaluates age and gender.
 * @param folder of images with the names of UTKFace
 * @returns the exit code
 * @throws UsageError
 */
export async function evalAttributes(folder: string, call: EvalCall, context: EvalContext): Promise<number> {
  if (!call.options.attributes) throw new UsageError('--no-attributes leaves nothing to evaluate');
  const { people, others } = readPeople(folder);
  if (others.length) {
    const first = others.slice(0, 5).join(', ');
    context.output.stderr(
      `${others.length} images have names without age, gender and origin, and are left out: ${first}${others.length > 5 ? ', …' : ''}`,
    );
  }
  const subject = attributeSubject(folder, people, call.options);
  const legend = [
    { colour: 'found', meaning: 'the gender is right' },
    { colour: 'wrong', meaning: 'the gender is wrong' },
  ] as const;
  return withModels(context, () => runWith(subject, legend, folder, call, context));
}

/** @param packVersion of the pack whose default confidence is used; absent where that does not matter */
async function runWith<T extends Labelled>(
  subject: Subject<T>,
  legend: PageHead['legend'],
  folder: string,
  call: EvalCall,
  { config, interruption, output }: EvalContext,
  packVersion?: string,
): Promise<number> {
  await using detector = await openDetector(call.source, config);
  const screen = process.stderr;
  const code = await evaluate(subject, legend, { call, folder, detector, interruption, output, screen });
  const usesDefault = packVersion !== undefined && call.options.min_confidence === undefined;
  if (usesDefault && detector.version !== null && detector.version !== packVersion)
    output.stderr(
      `The service answers with version ${detector.version} of a pack; the default confidence is that of version ${packVersion} here. --min-confidence sets another.`,
    );
  return code;
}

/** Further attempts of a call: a run of an hour survives minutes in which the service is full or restarts. */
const RETRIES = 10;

async function openDetector({ server, apiKey }: Source, config: EvalConfig): Promise<Detector> {
  if (server === undefined) return openPipelineDetector(config);
  const target = readTarget({ server, ...(apiKey !== undefined && { apiKey }) });
  return openServiceDetector(await openClient(target, { retries: RETRIES }), server);
}

/** @returns what `run` returns, or 1 when the models cannot be used here; the reason has been printed */
async function withModels({ output }: EvalContext, run: () => Promise<number>): Promise<number> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof DeviceError || error instanceof PackError)) throw error;
    output.stderr(error.message);
    return 1;
  }
}
