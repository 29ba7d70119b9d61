/** The text that was written into a store when it was first used, so that a wrong folder or bucket is noticed. */
export interface StoreMark {
  readonly store: string;
  /** Node of a node-local store. */
  readonly node: string | undefined;
  readonly mark: string;
  /** False until it is known to be in the store. */
  readonly written: boolean;
}
