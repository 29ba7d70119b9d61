import type { Core } from '#core/core.ts';

/** What every route of this front end gets. */
export interface RestOptions {
  readonly core: Core;
  /** Bytes of one part. */
  readonly maxPartBytes: number;
  /** Bytes of a file that is sent in one go. */
  readonly maxFileBytes: number;
  /** Base of the URLs in links; they are paths when it is left out. */
  readonly publicUrl?: string;
  /** Milliseconds without a byte of a body after which a request is given up. */
  readonly idleTimeoutMs: number;
  /** Life of a link when the caller names none. */
  readonly defaultExpireSeconds: number;
}

export const BASE_PATH = '/api/v1';
