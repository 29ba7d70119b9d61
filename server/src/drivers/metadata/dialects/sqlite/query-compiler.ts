import { type LimitNode, SqliteQueryCompiler } from 'kysely';

/**
 * A LIMIT that is a bare parameter makes SQLite (since 3.48) plan the statement again whenever it is run, for the number that is bound: three times the cost of
 * most look-ups here. An expression does not.
 */
export class StableQueryCompiler extends SqliteQueryCompiler {
  protected override visitLimit(node: LimitNode): void {
    this.append('limit 0 + ');
    this.visitNode(node.limit);
  }
}
