import type { Metadata } from '#core/ports/metadata.ts';

/** An empty database of a test. */
export interface TestDatabase {
  /** Opens it as one more process would; the test closes what it opened. */
  open(): Promise<Metadata>;
  /** Removes it after everything is closed. */
  remove(): Promise<void>;
}

/** What the parts of the contract see: a migrated database, opened, and further openings as if by other processes. */
export interface Fixture {
  readonly metadata: () => Metadata;
  readonly openAnother: () => Promise<Metadata>;
}
