/** One upload or download, as it ended. Its bytes are those that went through, also of one that broke off. */
export interface UsageRecord {
  readonly kind: 'upload' | 'download';
  /** Id of the service key, or `person`, or `link`, or `anonymous`. */
  readonly key: string;
  /** Whose file it is. */
  readonly owner: string;
  readonly store: string;
  /** undefined for a new file that did not come to be. */
  readonly uid: string | undefined;
  readonly link: string | undefined;
  readonly bytes: number;
  /** `aborted`: somebody went away or the bytes broke off; `failed`: it was refused or could not be done. */
  readonly outcome: 'ok' | 'aborted' | 'failed';
  /** When it ended, in milliseconds since the epoch. */
  readonly at: number;
  readonly durationMs: number;
}

export interface UsageCounts {
  readonly uploads: number;
  readonly uploadedBytes: number;
  readonly downloads: number;
  readonly downloadedBytes: number;
  /** Of both, those that did not end well; they count as uploads or downloads as well. */
  readonly failures: number;
  readonly durationMs: number;
}

/** What is told apart: days since the epoch in UTC, whose file, who did it, where the bytes are. */
export interface UsageCell {
  readonly day: number;
  readonly owner: string;
  readonly key: string;
  readonly store: string;
}

export const USAGE_DIMENSIONS = ['day', 'owner', 'key', 'store'] as const;
export type UsageDimension = (typeof USAGE_DIMENSIONS)[number];

/** Sums of everything that has the same values in the dimensions that were asked for; the others are left out. */
export type UsageTotal = Partial<UsageCell> & UsageCounts;
