/** What a scanner says of a content. */
export type ScanResult =
  | { readonly clean: true }
  /** Name of what is in it. */
  | { readonly found: string }
  /** It takes no content of this size. */
  | { readonly tooLarge: true };

/** Looks for viruses in contents that are streamed to it. */
export interface Scanner {
  /**
   * Rejects with Away while the scanner cannot be reached or does not answer at all, with Unavailable when it fails with this content, and
   * with what `chunks` throws.
   */
  scan(chunks: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<ScanResult>;
  /** Which scanner answers; rejects with Away. */
  examine(): Promise<string>;
}
