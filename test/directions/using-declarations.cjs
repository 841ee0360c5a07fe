/**
 * Loaded before dependency-cruiser: its swc visitor throws on `using` and `await using` and the whole cruise with it.
 * The declarations are visited like those of `const`, so that imports inside them are seen.
 */
const { Visitor } = require('@swc/core/Visitor.js');

const { visitStatement } = Visitor.prototype;
Visitor.prototype.visitStatement = function (statement) {
  if (statement.type !== 'UsingDeclaration') return visitStatement.call(this, statement);
  statement.decls = this.visitVariableDeclarators(statement.decls);
  return statement;
};
