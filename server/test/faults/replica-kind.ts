import type { SqlReplica } from '#test/services/sql-server.ts';

/** A primary and a server that follows it, both the test's own. */
export interface ReplicaPair {
  readonly primary: { readonly access: { readonly url: string }; stop(): Promise<void> };
  readonly replica: SqlReplica;
}

export interface ReplicaKind {
  readonly name: string;
  start(): Promise<ReplicaPair>;
  /** What a query for `count` finds. */
  count(url: string, sql: string): Promise<number>;
  createDatabase(access: { url: string }): Promise<{ url: string; remove(): Promise<void> }>;
}
