export const SHARE_PERMISSIONS = ['download', 'view', 'upload'] as const;
/**
 * download: see and take. view: see what a browser can show, and take nothing as a file. upload: put files into a folder and see nothing of what is in
 * it.
 */
export type SharePermission = (typeof SHARE_PERMISSIONS)[number];

/** An entry of somebody's drive, opened to whoever knows the key. */
export interface Share {
  /** What its owner calls it by. */
  readonly id: string;
  /** The owner. */
  readonly userId: string;
  readonly entryId: string;
  /** The secret part of its address: 192 random bits. */
  readonly key: string;
  readonly permission: SharePermission;
  /** A note for the owner; never shown to visitors. */
  readonly label: string | undefined;
  /** As `Passwords` keeps it. */
  readonly password: string | undefined;
  /** Grows with every change of the password; a proof of an earlier one is void. */
  readonly passwordEpoch: number;
  readonly expiresAt: number | undefined;
  readonly maxDownloads: number | undefined;
  readonly downloads: number;
  /** Files that visitors may put in, in all. */
  readonly maxUploads: number | undefined;
  /** Bytes of one such file. */
  readonly maxUploadBytes: number | undefined;
  readonly uploads: number;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** Of the last download or upload that was counted. */
  readonly lastUsedAt: number | undefined;
}

/** Wrong passwords from one side. */
export interface ShareTries {
  readonly count: number;
  /** When they are forgotten, or all turns are free again. */
  readonly until: number;
}

/** What somebody signed in may fetch without a header, as a browser does. */
export interface TicketRecord {
  /** SHA-256 of the ticket, lower-case hex. */
  readonly hash: string;
  readonly userId: string;
  readonly sessionId: string;
  /** Plain JSON. */
  readonly wish: unknown;
  readonly createdAt: number;
  readonly expiresAt: number;
}
