import { SOURCE_KINDS, type SourceKind } from '@facequeue/schema';
import { SCOPES, type Scope } from '@facequeue/schema/scopes';
import { type Command, InvalidArgumentError } from 'commander';
import { addHelpParagraphs } from '../options/help.ts';
import { duration, moment } from '../options/values.ts';
import type { CommandModule } from '../program.ts';
import { UsageError } from '../usage.ts';

interface FileFlags {
  file?: string;
}

interface AddFlags extends FileFlags {
  scopes?: Scope[];
  expires?: Date;
  rate?: { requests: number; per: string };
  burst?: number;
  concurrent?: number;
  waiting?: number;
  weight?: number;
  maxImageBytes?: number;
  sources?: SourceKind[];
}

export const define: CommandModule['define'] = (command, output, run) => {
  addHelpParagraphs(
    command.description(
      'Manages the file of API keys that gateways read (API_KEYS_FILE). It holds no key, only hashes.',
    ),
    'Gateways notice a change within seconds. `help keys add` has the options of add, and so on for the others.',
    'Exit codes: 0 done, 1 the file cannot be used or changed, 2 the command line was not understood.',
  );

  subcommand('add <NAME>', 'add a key, print it, and create the file if there is none: the key is shown only now')
    .option('--scopes <LIST>', `of ${SCOPES.join(', ')} (default: all but admin)`, readScopes)
    .option('--rate <RATE>', 'calls in a period of s, m, h or d, such as 50/1s or 100000/1d', readRate)
    .option('--burst <COUNT>', 'calls that may come at once after a pause (default: those of a period)', wholeNumber)
    .option('--concurrent <COUNT>', 'calls in progress at a time', wholeNumber)
    .option('--waiting <COUNT>', 'jobs, items and frames of it that wait', wholeNumber)
    .option('--weight <NUMBER>', 'turns that its waiting jobs have for one of a key with 1 (default: 1)', weight)
    .option('--max-image-bytes <COUNT>', 'bytes of its largest image', wholeNumber)
    .option(
      '--sources <LIST>',
      `where its images may come from: ${SOURCE_KINDS.join(', ')} (default: all)`,
      readSources,
    )
    .option('--expires <TIME>', 'from then on the key is refused, such as 2027-01-31T00:00:00Z', moment)
    .action(
      run(async (name: string, { file, expires, rate, burst, maxImageBytes, ...more }: AddFlags) => {
        if (burst !== undefined && !rate) throw new UsageError("option '--burst' needs --rate");
        const { addKey } = await import('./keys.ts');
        const limits = { rate: rate && { ...rate, burst }, max_image_bytes: maxImageBytes };
        return addKey(await pathOf(file), { name, ...more, ...limits, expires_at: expires?.toISOString() }, output);
      }),
    );
  subcommand('list', 'print name, scopes and expiry of each key')
    .option('--json', 'the keys as one JSON object')
    .action(
      run(async ({ file, json = false }: FileFlags & { json?: boolean }) => {
        const { listKeys } = await import('./keys.ts');
        return listKeys(await pathOf(file), json, output);
      }),
    );
  subcommand('revoke <NAME>', 'remove a key: its calls are refused, its open streams cut off').action(
    run(async (name: string, { file }: FileFlags) => {
      const { revokeKey } = await import('./keys.ts');
      return revokeKey(await pathOf(file), name, output);
    }),
  );
  subcommand('rotate <NAME>', 'replace a key by a new one of the same name, and print it')
    .option('--overlap <DURATION>', 'how long the old one is accepted too, such as 30m, 12h or 7d', duration, 0)
    .action(
      run(async (name: string, { file, overlap }: FileFlags & { overlap: number }) => {
        const { rotateKey } = await import('./keys.ts');
        return rotateKey(await pathOf(file), name, overlap, output);
      }),
    );

  function subcommand(usage: string, description: string): Command {
    return command.command(usage).description(description).option('--file <PATH>', 'default: API_KEYS_FILE');
  }
};

/** @throws UsageError */
async function pathOf(file: string | undefined): Promise<string> {
  const { keysConfig } = await import('../config.ts');
  const path = file ?? keysConfig().API_KEYS_FILE;
  if (path === undefined) throw new UsageError('name the file with --file or API_KEYS_FILE');
  return path;
}

function readRate(text: string): { requests: number; per: string } {
  const [, requests, per] = /^(\d+)\/(\d+[smhd])$/.exec(text) ?? [];
  if (per === undefined) throw new InvalidArgumentError('Expected calls and a period, such as 50/1s.');
  return { requests: Number(requests), per };
}

function wholeNumber(text: string): number {
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Expected a whole number.');
}

function weight(text: string): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Expected a number.');
}

const readScopes = (text: string) => readList(text, SCOPES);
const readSources = (text: string) => readList(text, SOURCE_KINDS);

function readList<Name extends string>(text: string, names: readonly Name[]): Name[] {
  const given = [...new Set(text.split(','))];
  if (given.every((name): name is Name => (names as readonly string[]).includes(name))) return given;
  throw new InvalidArgumentError(`Expected some of ${names.join(', ')}, with commas.`);
}
