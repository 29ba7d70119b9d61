import type { MediaFacts, MediaReason, MediaRefusal, ThumbnailFormat } from '#core/model/media.ts';

export interface Limits {
  /** Largest image, in bytes; it is held in memory whole. */
  readonly maxImageBytes: number;
  /** Most that is read of a film or a sound, in bytes. */
  readonly maxMediaBytes: number;
  readonly maxPixels: number;
}

export interface Job {
  readonly kind: 'job';
  readonly size: number;
  readonly contentType: string;
  readonly limits: Limits;
  readonly wish: { readonly box: number; readonly format: ThumbnailFormat } | undefined;
}

/** From the service to the process that looks. */
export type ToLooker =
  | Job
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'describe' };

export interface Looked {
  readonly facts?: MediaFacts;
  readonly thumbnail?: { readonly bytes: Uint8Array; readonly width: number; readonly height: number };
  readonly refusal?: MediaRefusal;
}

/** And back; a 'read' is answered with 'bytes' before anything else is said. */
export type FromLooker =
  | { readonly kind: 'read'; readonly offset: number; readonly length: number }
  | ({ readonly kind: 'looked' } & Looked)
  | { readonly kind: 'described'; readonly text: string; readonly failure: string | undefined };

/** The process ends itself with this code when it grows over its limit. */
export const OVER_MEMORY = 77;

/** Thrown where a content is looked at. */
export class Refused extends Error {
  readonly reason: MediaReason;

  constructor(reason: MediaReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

export type ReadBytes = (offset: number, length: number) => Promise<Uint8Array>;
