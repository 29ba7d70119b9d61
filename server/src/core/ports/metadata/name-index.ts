/** Entries whose names may be what somebody looks for. */
export interface CandidateQuery {
  readonly userId: string;
  /** What all of them have; 1 to 8. */
  readonly tokens: readonly number[];
  /** Only entries with lower ids. */
  readonly before: string | undefined;
  /** At most 5000. */
  readonly limit: number;
}

/** Names by their tokens (core/search/name-tokens.ts); the repository of entries keeps it, in the same transaction. */
export interface NameIndexQueries {
  /** Ids in descending order. Tokens meet by chance, and entries in the trash are here as well: whoever asks looks at the entries. */
  candidates(query: CandidateQuery): Promise<readonly string[]>;
}
