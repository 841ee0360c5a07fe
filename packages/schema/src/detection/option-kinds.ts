/**
 * The kinds of detection options: the form of each in JSON, in a query string and on the command line.
 * Options themselves are in options.ts.
 */
import { z } from 'zod';
import { queryFlag, queryNumber } from '../http/query.ts';

/** One row of the table of detection options. */
export interface DetectionOption {
  /** In job records, engine messages and JSON bodies. Fills in the default when the option has one. */
  json: z.ZodType;
  /** In a query string; undefined when the option is absent. */
  query: z.ZodType;
  flag: FlagForm;
}

/** How an option is given on the command line. */
export interface FlagForm {
  /** Placeholder of the value in the help, such as N; null for an on/off option, whose flag is `--no-NAME`. */
  value: string | null;
  /** One line of help. */
  help: string;
  /**
   * The option's JSON value from its text on the command line. It does not check the value: `json` does.
   * On/off options have no text and are false when their flag is given.
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
    flag: { value: 'NAME', help, parse: (text: string): unknown => text },
  };
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
    flag: { value, help, parse: toNumber },
  };
}

/** A number in a range; not filled in when absent. */
export function decimal({ min, max, description, help, value }: NumberForm) {
  const json = z.number().min(min).max(max);
  return {
    json: json.optional(),
    query: queryNumber(/^\d*\.?\d+$/, json, { type: 'number', minimum: min, maximum: max, description }).optional(),
    flag: { value, help, parse: toNumber },
  };
}

/** Part of the result that can be left out; present by default. */
export function part({ description, help }: Texts) {
  return {
    json: z.boolean().default(true),
    query: queryFlag({ description }).optional(),
    flag: { value: null, help, parse: () => false },
  };
}

const toNumber = (text: string): unknown => Number(text.trim() || Number.NaN);
