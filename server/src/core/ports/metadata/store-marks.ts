import type { StoreMark } from '../../model/store-mark.ts';

export interface StoreMarkQueries {
  find(store: string, node: string | undefined): Promise<StoreMark | undefined>;
}

export interface StoreMarkCommands {
  /** Keeps the mark that is there already; returns the one that counts. */
  insert(mark: StoreMark): Promise<StoreMark>;
  setWritten(store: string, node: string | undefined): Promise<void>;
}
