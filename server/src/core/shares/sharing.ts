import type { DriveArchives } from '../archive/drive-archives.ts';
import type { TextPreviews } from '../previews/text-preview.ts';
import type { ShareUploads } from './share-uploads.ts';
import type { ShareVisits } from './share-visits.ts';
import type { SharedDrive } from './shared-drive.ts';
import type { Shares } from './shares.ts';
import type { Tickets } from './tickets.ts';

/** Shares, and what their visitors and owners are shown of files: archives, texts, downloads without a header. */
export interface Sharing {
  /** For owners. */
  readonly owned: Shares;
  /** Who may come in. */
  readonly visits: ShareVisits;
  /** What they see. */
  readonly drive: SharedDrive;
  /** What they put in. */
  readonly uploads: ShareUploads;
  readonly archives: DriveArchives;
  readonly texts: TextPreviews;
  readonly tickets: Tickets;
}
