/**
 * A plugin of Stryker: mutants of texts for people are left out. No program reads them, and a test that repeats them word by word
 * would hold nobody to anything: details and messages of errors, log lines, descriptions of schemas.
 */

/** As much of a node of Babel's syntax tree as is looked at. */
interface Node {
  type: string;
  name?: string;
  callee?: Node;
  property?: Node;
  key?: Node;
  /** Of a private name. */
  id?: Node;
  arguments?: Node[];
}

interface Path {
  node: Node;
  parent: Node | null;
}

const TEXTS = ['StringLiteral', 'TemplateLiteral'];
/** Names of errors; the message of the last is for the log alone. */
const ERRORS = /Error$|^ClientDisconnected$/;
const LOG_CALLS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];

export function reasonToIgnore({ node, parent }: Path): string | undefined {
  if (!parent) return undefined;
  if (parent.type === 'NewExpression' && parent.callee?.name && ERRORS.test(parent.callee.name)) {
    // The code of a FacequeueError is public; its detail is a text.
    const isCode = parent.callee.name === 'FacequeueError' && parent.arguments?.[0] === node;
    return TEXTS.includes(node.type) && !isCode ? 'the message of an error' : undefined;
  }
  if (node.type === 'CallExpression' && parent.type === 'ExpressionStatement') {
    const { callee } = node;
    const of = callee?.type === 'MemberExpression' ? (callee as unknown as { object: Node }).object : undefined;
    const logger = of?.name ?? of?.property?.name ?? of?.property?.id?.name;
    if (logger && /^(log|logger)$/i.test(logger) && LOG_CALLS.includes(callee?.property?.name ?? ''))
      return 'a log line';
  }
  if (node.type === 'CallExpression') return undefined;
  if (parent.type === 'CallExpression' && parent.callee !== node) {
    const name = parent.callee?.property?.name;
    if (name === 'describe') return 'a description';
  }
  if (parent.type === 'ObjectProperty' && parent.key?.name === 'description' && TEXTS.includes(node.type))
    return 'a description';
  return undefined;
}

export const strykerPlugins = [{ kind: 'Ignore', name: 'texts', value: { shouldIgnore: reasonToIgnore } }];
