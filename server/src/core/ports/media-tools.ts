import type { MediaFacts, MediaRefusal, ThumbnailFormat } from '../model/media.ts';

/** A content as it is looked at: from the store, a range at a time. */
export interface MediaSource {
  /** Bytes. */
  readonly size: number;
  /** What the service takes it for; a help, never believed. */
  readonly contentType: string;
  /** Exactly these bytes. What it rejects with is what the call rejects with. */
  read(offset: number, length: number, signal: AbortSignal): Promise<Uint8Array>;
}

export interface ThumbnailWish {
  /** Longest side in pixels; a smaller image is not enlarged. */
  readonly box: number;
  readonly format: ThumbnailFormat;
}

interface Thumbnail {
  readonly bytes: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** `facts` of the whole content, or why there are none. */
export type Examined =
  | { readonly facts: MediaFacts; readonly refusal?: undefined }
  | { readonly refusal: MediaRefusal; readonly facts?: undefined };

export type Pictured =
  | { readonly facts: MediaFacts; readonly thumbnail: Thumbnail; readonly refusal?: undefined }
  | { readonly refusal: MediaRefusal; readonly facts?: undefined };

/**
 * Looks at contents of strangers, apart from this process: whatever they do to what reads them, the answer is a refusal with its reason. Rejects only with
 * what the source rejects with, Cancelled, or Unavailable when too many wait.
 */
export interface MediaTools {
  examine(source: MediaSource, signal: AbortSignal): Promise<Examined>;
  picture(source: MediaSource, wish: ThumbnailWish, signal: AbortSignal): Promise<Pictured>;
  /** What it works with; rejects with a sentence where images cannot be looked at on this machine. */
  describe(): Promise<string>;
  close(): Promise<void>;
}
