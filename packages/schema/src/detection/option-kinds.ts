/**
 * The kinds of detection options: the form of each in JSON, in a query string and on the command line.
 * Options themselves are in options.ts.
 */
import { z } from 'zod';
import { queryFlag, queryNumber, replaceWith } from '../http/query.ts';

/** One row of the table of detection options. */
export interface DetectionOption {
  /** In job records, engine messages and JSON bodies. Fills in the default when the option has one. */
  json: z.ZodType;
  /** In a query string; undefined when the option is absent. */
  query: z.ZodType;
  flags: readonly FlagForm[];
  /**
   * Only for an option, or a value of one, that release 0.1.0 does not know: what that release is given instead; undefined leaves the
   * option out. See stored-options.ts.
   */
  before?(value: unknown): unknown;
}

/** How an option is given on the command line. */
export interface FlagForm {
  /** Placeholder of the value in the help, such as N; null for a flag without a value. */
  value: string | null;
  /** Whether the flag is `--no-NAME`. */
  negated?: true;
  /** One line of help. */
  help: string;
  /**
   * The option's JSON value from its text on the command line. It does not check the value: `json` does.
   * Flags without a value have no text.
   */
  parse(text: string): unknown;
}

interface Texts {
  /** In the OpenAPI document. */
  description: string;
  /** On the command line. */
  help: string;
}

/** One of several words; the default is filled in. */
export function choice<const Words extends readonly [string, ...string[]]>(
  words: Words,
  absent: Words[number],
  { description, help }: Texts,
) {
  return {
    json: z.enum(words).default(absent as never),
    query: z
      .enum(words, { error: `expected one of ${words.join(', ')}` })
      .optional()
      .meta({ description }),
    flags: [{ value: 'NAME', help, parse: (text: string): unknown => text }],
  };
}

/** One of several words; an option that release 0.1.0 does not know. It has no default. */
export function choiceOfLater<const Words extends readonly [string, ...string[]]>(
  words: Words,
  { description, help }: Texts,
) {
  const json = z.enum(words, { error: `expected one of ${words.join(', ')}` });
  return {
    json: json.optional(),
    query: json.optional().meta({ description }),
    flags: [{ value: 'NAME', help, parse: (text: string): unknown => text }],
    before: () => undefined,
  } satisfies DetectionOption;
}

interface NumberForm extends Texts {
  min: number;
  max: number;
  /** Placeholder of the value in the help. */
  value: string;
}

/** A whole number in a range; not filled in when absent. */
export function integer({ min, max, description, help, value }: NumberForm) {
  const json = z.int().min(min).max(max);
  return {
    json: json.optional(),
    query: queryNumber(new RegExp(`^\\d{1,${String(max).length}}$`), json, {
      type: 'integer',
      minimum: min,
      maximum: max,
      description,
    }).optional(),
    flags: [{ value, help, parse: toNumber }],
  };
}

/** A number in a range; not filled in when absent. */
export function decimal({ min, max, description, help, value }: NumberForm) {
  const json = z.number().min(min).max(max);
  return {
    json: json.optional(),
    query: queryNumber(/^\d*\.?\d+$/, json, { type: 'number', minimum: min, maximum: max, description }).optional(),
    flags: [{ value, help, parse: toNumber }],
  };
}

/** A part that the result has only on request; an option that release 0.1.0 does not know. */
export function addition({ description, help }: Texts) {
  return {
    json: z.boolean().optional(),
    query: queryFlag({ description }, false).optional(),
    flags: [{ value: null, help, parse: () => true }],
    before: () => undefined,
  } satisfies DetectionOption;
}

/** Part of the result that can be left out; present by default. */
export function part({ description, help }: Texts) {
  return {
    json: z.boolean().default(true),
    query: queryFlag({ description }).optional(),
    flags: [{ value: null, negated: true, help, parse: () => false }],
  } satisfies DetectionOption;
}

/** Part of the result that can be left out, or made in another way: `variant`, which release 0.1.0 does not know. */
export function variedPart<const Variant extends string>(
  variant: Variant,
  { description, help, variantHelp }: Texts & { variantHelp: string },
) {
  const error = `expected true, false or ${variant}`;
  const words = ['true', 'false', variant] as const;
  const parse = (text: string): unknown => ({ true: true, false: false })[text] ?? text;
  return {
    json: z.union([z.boolean(), z.literal(variant)], { error }).default(true),
    query: z
      .enum(words, { error })
      .transform((text) => parse(text) as boolean | Variant)
      .meta({
        override: ({ jsonSchema }) =>
          replaceWith(jsonSchema, { type: 'string', enum: words, default: 'true', description }),
      })
      .optional(),
    flags: [
      { value: null, negated: true, help, parse: () => false },
      { value: 'KIND', help: variantHelp, parse },
    ],
    before: (value: unknown) => (value === variant ? true : value),
  } satisfies DetectionOption;
}

const toNumber = (text: string): unknown => Number(text.trim() || Number.NaN);
