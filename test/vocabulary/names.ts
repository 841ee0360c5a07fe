/** Finds the names that a source file declares. References are left out: they point to a declaration here or in a library. */
import { parseSync } from '@swc/core';

/** The words of a name, lower case: `toJobView` has `to`, `job`, `view`. */
export function wordsOf(name: string): string[] {
  return name
    .replace(/([a-z\d])([A-Z])/g, '$1 $2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1 $2')
    .split(/[^A-Za-z]+/)
    .filter(Boolean)
    .map((word) => word.toLowerCase());
}

/** Names declared in a TypeScript or JavaScript file: variables, parameters, functions, classes, types and members. */
export function declaredNames(source: string, path: string): Set<string> {
  const syntax = /\.ts$/.test(path) ? 'typescript' : 'ecmascript';
  const names = new Set<string>();
  visit(parseSync(source, { syntax, target: 'es2024' }), names);
  return names;
}

/** Names declared in a Lua file: locals, functions and their parameters. */
export function luaNames(source: string): Set<string> {
  const code = source
    .replace(/--\[\[[\s\S]*?\]\]/g, '')
    .replace(/--[^\n]*/g, '')
    .replace(/'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"/g, "''");
  const names = new Set<string>();
  for (const [, list] of code.matchAll(/\b(?:local|for)\s+((?!function\b)\w+(?:\s*,\s*\w+)*)/g)) add(list!);
  for (const [, name, parameters] of code.matchAll(/\bfunction\b\s*([\w.:]*)\s*\(([^)]*)\)/g)) {
    add(name!);
    add(parameters!);
  }
  return names;
  function add(list: string) {
    for (const name of list.match(/[A-Za-z_]\w*/g) ?? []) names.add(name);
  }
}

type Node = Record<string, unknown> & { type: string };
const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && typeof (value as Node).type === 'string';

/** The members of each kind of syntax node that declare names. */
const DECLARING: Record<string, readonly string[]> = {
  VariableDeclarator: ['id'],
  FunctionDeclaration: ['identifier'],
  FunctionExpression: ['identifier'],
  ClassDeclaration: ['identifier'],
  ClassExpression: ['identifier'],
  ArrowFunctionExpression: ['params'],
  Parameter: ['pat'],
  CatchClause: ['param'],
  ClassProperty: ['key'],
  PrivateProperty: ['key'],
  ClassMethod: ['key'],
  PrivateMethod: ['key'],
  KeyValueProperty: ['key'],
  MethodProperty: ['key'],
  GetterProperty: ['key'],
  SetterProperty: ['key'],
  TsInterfaceDeclaration: ['id'],
  TsTypeAliasDeclaration: ['id'],
  TsEnumDeclaration: ['id'],
  TsEnumMember: ['id'],
  TsPropertySignature: ['key'],
  TsMethodSignature: ['key'],
  TsGetterSignature: ['key'],
  TsTypeParameter: ['name'],
};

function visit(node: unknown, names: Set<string>): void {
  if (Array.isArray(node)) {
    for (const each of node) visit(each, names);
    return;
  }
  if (typeof node !== 'object' || node === null) return;
  if (isNode(node)) {
    for (const member of DECLARING[node.type] ?? []) collect(node[member], names);
    // `import { a as b }` declares b; `import { a }` repeats a name of its module.
    if (node.type === 'ImportSpecifier' && node['imported']) collect(node['local'], names);
  }
  for (const value of Object.values(node)) visit(value, names);
}

/** The names bound by an identifier or a pattern. */
function collect(pattern: unknown, names: Set<string>): void {
  if (Array.isArray(pattern)) {
    for (const each of pattern) collect(each, names);
    return;
  }
  if (!isNode(pattern)) return;
  switch (pattern.type) {
    case 'Identifier':
    case 'PrivateName':
      names.add(String(pattern['value']));
      break;
    case 'ArrayPattern':
      collect(pattern['elements'], names);
      break;
    case 'ObjectPattern':
      collect(pattern['properties'], names);
      break;
    case 'AssignmentPatternProperty':
      collect(pattern['key'], names);
      break;
    case 'KeyValuePatternProperty':
      collect(pattern['value'], names);
      break;
    case 'AssignmentPattern':
      collect(pattern['left'], names);
      break;
    case 'RestElement':
      collect(pattern['argument'], names);
      break;
  }
}
