import { describe, expect, it } from 'vitest';
import { checkListing, checkOutput } from './locations.ts';
import { parseS3Prefix } from './prefixes.ts';

const prefixes = (...texts: string[]) => texts.map((text) => parseS3Prefix(text)!);

describe('a listing', () => {
  it.each([
    ['s3://photos/2024/', ['photos/2024'], { bucket: 'photos', prefix: '2024/' }],
    ['s3://photos/2024/may', ['photos/2024'], { bucket: 'photos', prefix: '2024/may' }],
    ['s3://photos/2024', ['photos'], { bucket: 'photos', prefix: '2024' }],
    ['s3://photos/', ['photos'], { bucket: 'photos', prefix: '' }],
    ['s3://photos', ['other', 'photos'], { bucket: 'photos', prefix: '' }],
    ['s3://photos/a%20b?c#d/%2e./', ['photos'], { bucket: 'photos', prefix: 'a%20b?c#d/%2e./' }],
  ])('of %s may be made when %j is allowed', (url, allowed, listing) => {
    expect(checkListing(url, prefixes(...allowed))).toEqual(listing);
  });

  it.each([
    ['s3://photos/2025/', ['photos/2024'], 'not among S3_SOURCE_PREFIXES'],
    ['s3://photos/', ['photos/2024'], 'not among S3_SOURCE_PREFIXES'],
    ['s3://photos/2024', ['photos/2024'], 'end it with /'],
    ['s3://photos/', [], 'not among S3_SOURCE_PREFIXES'],
  ])('of %s may not when %j is allowed', (url, allowed, text) => {
    expect(() => checkListing(url, prefixes(...allowed))).toThrow(
      expect.objectContaining({ code: 'source_forbidden', message: expect.stringContaining(text) }),
    );
  });

  it.each([
    'https://photos/a/',
    's3://',
    's3://ab/x',
    's3://photos?x',
    `s3://photos/${'é'.repeat(513)}`,
    's3://photos/\n',
    's3://photos/2024/../private/',
    's3://photos/..',
    's3://photos/./a',
    's3://../a',
    's3://.../a',
  ])('of %j is refused', (url) => {
    expect(() => checkListing(url, prefixes('photos'))).toThrow(
      expect.objectContaining({ code: 'invalid_request', parameter: 's3.prefix' }),
    );
  });
});

describe('an output', () => {
  it('may be written to an object under an allowed prefix', () => {
    expect(checkOutput('s3://results/run 1.ndjson', prefixes('results'))).toEqual({
      bucket: 'results',
      key: 'run 1.ndjson',
    });
  });

  it.each([
    ['s3://results/runs-1.ndjson', ['results/runs']],
    ['s3://results/runs', ['results/runs']],
    ['s3://results/a', []],
  ])('may not be written to %s when %j is allowed', (url, allowed) => {
    expect(() => checkOutput(url, prefixes(...allowed))).toThrow(
      expect.objectContaining({ code: 'source_forbidden', message: expect.stringContaining('S3_OUTPUT_PREFIXES') }),
    );
  });

  it.each([
    'results.ndjson',
    's3://results/runs/../a',
    's3://results/./a',
    'file:///results/a',
    's3://results',
    's3://results/',
    's3://results/folder/',
  ])('is not %s', (url) => {
    expect(() => checkOutput(url, prefixes('results'))).toThrow(
      expect.objectContaining({ code: 'invalid_request', parameter: 'output' }),
    );
  });
});
