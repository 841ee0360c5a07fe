import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { pages } from './pages.ts';

describe('the generated pages', () => {
  it.each(Object.entries(pages()))('%s says what the code says (else: npm run docs)', (name, text) => {
    expect(readFileSync(new URL(name, import.meta.url), 'utf8')).toBe(text);
  });
});
