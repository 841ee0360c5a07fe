/** Finds timers whose delay is computed: one that is longer than 2^31 - 1 ms would run at once. `startTimer` of packages/time takes any. */
import { parseSync } from '@swc/core';

type Node = Record<string, unknown> & { type: string };

/** The calls that make a timer, and which of their arguments is the delay. */
const DELAY: Record<string, number> = { setTimeout: 1, setInterval: 1, 'AbortSignal.timeout': 0 };
/** What these modules export makes timers, under a name of the importer's choice. */
const MODULES = /^(node:)?timers(\/promises)?$/;
const HARMLESS = ['setImmediate'];

/**
 * The timers with computed delays in a TypeScript file, by what makes them: `setTimeout`, or the module that is imported for it. A
 * number, a constant in capitals, and what is made of those alone is not computed.
 */
export function computedDelays(source: string): string[] {
  const found: string[] = [];
  visit(parseSync(source, { syntax: 'typescript', target: 'es2024' }), (node) => {
    if (node.type === 'ImportDeclaration') {
      const module = String((node['source'] as Node)['value']);
      const names = (node['specifiers'] as Node[]).map((each) => nameOf((each['imported'] ?? each['local']) as Node));
      if (MODULES.test(module) && names.some((name) => !HARMLESS.includes(name))) found.push(module);
    }
    if (node.type !== 'CallExpression') return;
    const name = nameOf(node['callee'] as Node);
    const place = DELAY[name];
    if (place === undefined) return;
    const delay = (node['arguments'] as { expression: Node }[])[place]?.expression;
    if (delay && !isConstant(delay)) found.push(name);
  });
  return found;
}

function nameOf(callee: Node): string {
  if (callee.type === 'Identifier') return String(callee['value']);
  if (callee.type !== 'MemberExpression') return '';
  const owner = nameOf(callee['object'] as Node);
  const member = nameOf(callee['property'] as Node);
  return owner === 'globalThis' ? member : `${owner}.${member}`;
}

function isConstant(node: Node): boolean {
  if (node.type === 'NumericLiteral') return true;
  if (node.type === 'Identifier') return /^[A-Z][A-Z\d_]*$/.test(String(node['value']));
  if (node.type === 'BinaryExpression') return isConstant(node['left'] as Node) && isConstant(node['right'] as Node);
  if (node.type === 'ConditionalExpression')
    return isConstant(node['consequent'] as Node) && isConstant(node['alternate'] as Node);
  return false;
}

function visit(value: unknown, enter: (node: Node) => void): void {
  if (typeof value !== 'object' || value === null) return;
  if ('type' in value && typeof value.type === 'string') enter(value as Node);
  for (const member of Object.values(value)) visit(member, enter);
}
