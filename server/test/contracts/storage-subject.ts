import type { StorageDriver } from '#core/ports/storage-driver.ts';

/** One implementation under test, with nothing in it. */
export interface StorageSubject {
  readonly driver: StorageDriver;
  /** How many things unfinished puts have left behind, where that can be counted. */
  readonly leftovers?: () => Promise<number>;
  readonly cleanup: () => Promise<void>;
}

/** What every part of the contract gets: the subject of the test that runs. */
export type CurrentSubject = () => StorageSubject;
