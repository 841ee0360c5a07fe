/**
 * `npm run bench -- scenes [--short]`: what each profile finds in scenes with known faces: the smallest face alone in a picture, sheets
 * full of portraits, turned pictures, and false faces on surfaces without one. With `--write DIR` it writes the scenes and their ground
 * truth instead, for `facequeue eval`.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createPipeline, type Pipeline } from '@facequeue/pipeline';
import { PROFILES, type Profile } from '@facequeue/schema';
import { scene as labelledScene } from '../../test/support/fixtures/index.ts';
import { cocoJson } from '../../test/support/scenes/coco.ts';
import { faceless, type LabelledScene, Placements, sheet, turned } from '../../test/support/scenes/scenes.ts';
import { machine } from '../support/machine.ts';
import { numberOption, readOptions } from '../support/options.ts';
import { measure, type SceneFigures } from './measure.ts';
import { openPasses } from './pass-costs.ts';
import { type Probe, smallestWidth } from './smallest-width.ts';

const values = readOptions('npm run bench -- scenes', 'What each profile finds in scenes with known faces.', {
  tables: { default: 'width,sheets,costs,turned,faceless', help: 'tables, with commas' },
  profiles: { default: 'balanced,small-faces', help: 'profiles, with commas' },
  sizes: { default: '1280x720,1920x1080,2560x1440,3840x2160,5712x4284', help: 'sizes of pictures, with commas' },
  placements: { default: '60', help: 'pictures with one face each, for each width that is tried' },
  sheets: { default: '26,52', help: 'portraits in a row of each sheet of 4056 px, with commas' },
  textures: { default: '20', help: 'pictures of 1920x1080 without a face' },
  seed: { default: '1', help: 'another seed makes other scenes' },
  pack: { default: '', help: 'manifest of the model pack; empty: the one of the repository' },
  short: { default: false, help: 'fewer and smaller scenes, one minute or two instead of half an hour' },
  write: { default: '', help: 'folder for the scenes and their ground truth (COCO JSON); nothing is measured' },
});
const TABLES = {
  width: smallestWidths,
  sheets: portraitSheets,
  costs: passCosts,
  turned: turnedPictures,
  faceless: facelessPictures,
} satisfies Record<string, (pipeline: Pipeline) => Promise<void>>;
const list = (text: string) => text.split(',').filter(Boolean);
const tables = list(values.tables).map((name) => {
  if (!(name in TABLES)) throw new Error(`${name} is not one of ${Object.keys(TABLES).join(', ')}`);
  return name as keyof typeof TABLES;
});
const profiles = list(values.profiles).map((name) => {
  if (!(PROFILES as readonly string[]).includes(name)) throw new Error(`${name} is not one of ${PROFILES.join(', ')}`);
  return name as Profile;
});
const sizes = list(values.short ? '1280x720,1920x1080' : values.sizes).map((text) => {
  const [, width, height] = /^(\d+)x(\d+)$/.exec(text) ?? [];
  return {
    name: text,
    width: numberOption('sizes', width ?? text, 320),
    height: numberOption('sizes', height ?? text, 240),
  };
});
const count = values.short ? 20 : numberOption('placements', values.placements);
const columns = list(values.short ? '26' : values.sheets).map((text) => numberOption('sheets', text, 1, 400));
const textures = values.short ? 10 : numberOption('textures', values.textures, 0);
const seed = numberOption('seed', values.seed, 0);

const row = (...cells: (string | number)[]) => console.log(`| ${cells.join(' | ')} |`);
const percent = (part: number, whole: number) => `${whole ? ((100 * part) / whole).toFixed(1) : '0.0'} %`;

if (values.write) await write(values.write);
else await measureAll();

async function measureAll(): Promise<void> {
  await using pipeline = await createPipeline({ device: 'cpu', ...(values.pack && { packPath: values.pack }) });
  const { name, version } = pipeline.model;
  console.log(`${machine()}\nPack ${name} ${version}, its default confidence; seed ${seed}\n`);
  for (const table of tables) await TABLES[table](pipeline);
}

async function smallestWidths(pipeline: Pipeline): Promise<void> {
  console.log(
    `Smallest face width, px, of which at least 95 % of ${count} placements are found (what is found of the next smaller):`,
  );
  row('profile', 'picture', 'smallest width', 'false faces a picture', 'CPU-ms a picture');
  row('---', '---', '---', '---', '---');
  // A size at a time: its backgrounds are kept while it is measured, and take 70 MB each at 24 megapixels.
  for (const { name, width, height } of sizes) {
    const placements = new Placements(width, height, seed);
    for (const profile of profiles) {
      const smallest = await smallestWidth((face) => measure(pipeline, profile, placements.scenes(face, count)));
      row(profile, name, ...(smallest ? cellsOf(smallest.found, smallest.missed) : ['refused', '', '']));
    }
  }
}

async function portraitSheets(pipeline: Pipeline): Promise<void> {
  console.log('\nSheets of portraits, 4056x4056, asked for 10000 faces:');
  row('profile', 'sheet', 'found', 'false, of what was reported', 'CPU-ms');
  row('---', '---', '---', '---', '---');
  for (const number of columns) {
    const scene = await sheet(number, seed);
    for (const profile of profiles) {
      const figures = await measure(pipeline, profile, [scene]);
      row(profile, `${number} x ${number}`, ...(figures ? cellsOfSheet(figures) : ['refused', '', '']));
    }
  }
}

async function passCosts(): Promise<void> {
  console.log(
    '\nCPU-ms a picture with the passes of release 0.1.0, which never stopped early in small-faces here, and with those of the pack:',
  );
  row('picture', 'profile', 'options', 'passes of 0.1.0', 'now', 'ratio');
  row('---', '---', '---', '---', '---', '---');
  await using passes = await openPasses();
  const repeats = values.short ? 5 : 15;
  const onePerson = async (width: number, height: number) => [
    (await labelledScene({ faces: 1, width, height, background: 'coffee' })).bytes,
  ];
  const empty = (await Array.fromAsync(faceless(6, 1920, 1080, seed))).map(({ bytes }) => bytes);
  for (const [picture, pictures, profile, options] of [
    ['1080p, one face', await onePerson(1920, 1080), 'balanced', {}],
    ['1080p, one face', await onePerson(1920, 1080), 'balanced', { min_face_size: 60 }],
    ['1080p, one face', await onePerson(1920, 1080), 'fast', {}],
    ['1080p, no face, six surfaces', empty, 'balanced', {}],
    ['1080p, no face, six surfaces', empty, 'balanced', { min_face_size: 60 }],
    ['1080p, no face, six surfaces', empty, 'fast', {}],
    ['1152x864, one face', await onePerson(1152, 864), 'small-faces', {}],
    ['4K, one face', await onePerson(3840, 2160), 'small-faces', {}],
    ['4K, one face', await onePerson(3840, 2160), 'balanced', {}],
  ] as const) {
    const { earlier, now } = await passes.cost(pictures, profile, repeats, options);
    row(picture, profile, JSON.stringify(options), earlier.toFixed(0), now.toFixed(0), (now / earlier).toFixed(2));
  }
}

async function turnedPictures(pipeline: Pipeline): Promise<void> {
  console.log(`\nTurned pictures without EXIF, ${count} of 1280x960 with one face of 60 to 360 px each:`);
  row(
    'profile',
    'direction',
    'found',
    'found with rotate=auto',
    'false, and with rotate=auto',
    'CPU-ms, and with rotate=auto',
  );
  row('---', '---', '---', '---', '---', '---');
  const upright: LabelledScene[] = [];
  const placements = new Placements(1280, 960, seed);
  for (const face of [60, 120, 200, 360])
    for await (const scene of placements.scenes(face, Math.ceil(count / 4))) upright.push(scene);
  for (const profile of profiles)
    for (const degrees of [0, 90, 180, 270] as const) {
      const scenes = await Promise.all(upright.map((scene) => (degrees ? turned(scene, degrees) : scene)));
      const none = (await measure(pipeline, profile, scenes))!;
      const auto = (await measure(pipeline, profile, scenes, { rotate: 'auto' }))!;
      const of = ({ found, faces }: SceneFigures) => `${found} of ${faces}`;
      row(
        profile,
        degrees,
        of(none),
        of(auto),
        `${none.wrong}, ${auto.wrong}`,
        `${none.cpuMs.toFixed(0)}, ${auto.cpuMs.toFixed(0)}`,
      );
    }
}

async function facelessPictures(pipeline: Pipeline): Promise<void> {
  console.log(`\nSurfaces without a face, ${textures} of 1920x1080:`);
  row('profile', 'false faces', 'a picture', 'CPU-ms a picture', 'with rotate=auto: false faces', 'CPU-ms a picture');
  row('---', '---', '---', '---', '---', '---');
  const surfaces: LabelledScene[] = [];
  for await (const scene of faceless(textures, 1920, 1080, seed)) surfaces.push(scene);
  for (const profile of profiles) {
    const { wrong, scenes, cpuMs } = (await measure(pipeline, profile, surfaces))!;
    const auto = (await measure(pipeline, profile, surfaces, { rotate: 'auto' }))!;
    row(profile, wrong, (wrong / scenes).toFixed(2), cpuMs.toFixed(0), auto.wrong, auto.cpuMs.toFixed(0));
  }
}

/** The smallest width in words, the false faces in its pictures, and their cost. */
function cellsOf(found: Probe | null, missed: Probe | null): string[] {
  const share = ({ figures }: Probe) => `${figures.found} of ${figures.faces}`;
  const smaller = missed ? `; ${missed.width}: ${share(missed)}` : '';
  if (!found) return [`none${smaller}`, '', ''];
  const { wrong, scenes, cpuMs } = found.figures;
  return [`**${found.width}** (${share(found)}${smaller})`, (wrong / scenes).toFixed(2), cpuMs.toFixed(0)];
}

function cellsOfSheet({ found, faces, wrong, cpuMs }: SceneFigures): string[] {
  return [
    `${found} of ${faces} (${percent(found, faces)})`,
    `${wrong} (${percent(wrong, wrong + found)})`,
    cpuMs.toFixed(0),
  ];
}

/** Writes scenes of widths that are hard and easy, the sheets and the surfaces. */
async function write(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const written: Omit<LabelledScene, 'bytes'>[] = [];
  const save = async ({ bytes, ...scene }: LabelledScene) => {
    await writeFile(join(folder, scene.name), bytes);
    written.push(scene);
  };
  for (const { width, height } of sizes) {
    const placements = new Placements(width, height, seed);
    for (const face of [16, 24, 36, 64])
      for await (const scene of placements.scenes(face, Math.ceil(count / 4))) await save(scene);
  }
  for (const number of columns) await save(await sheet(number, seed));
  for await (const scene of faceless(textures, 1920, 1080, seed)) await save(scene);
  await writeFile(join(folder, 'annotations.json'), cocoJson(written));
  console.log(`${written.length} scenes and their faces: ${join(folder, 'annotations.json')}`);
}
