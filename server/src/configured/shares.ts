import type { Config } from '#config/config.ts';
import type { Passwords } from '#core/accounts/passwords.ts';
import { Archives } from '#core/archive/archive.ts';
import { DriveArchives } from '#core/archive/drive-archives.ts';
import type { AuditLog } from '#core/audit/audit-log.ts';
import type { Downloads } from '#core/downloads.ts';
import type { Drive } from '#core/drive/drive.ts';
import type { LinkSigner } from '#core/link-signer.ts';
import type { Clock } from '#core/ports/clock.ts';
import type { IdSource } from '#core/ports/ids.ts';
import type { Metadata } from '#core/ports/metadata.ts';
import { TextPreviews } from '#core/previews/text-preview.ts';
import type { RateLimits } from '#core/rate-limits.ts';
import { ShareDownloads } from '#core/shares/share-downloads.ts';
import { SharePasswords } from '#core/shares/share-passwords.ts';
import { ShareUploads } from '#core/shares/share-uploads.ts';
import { ShareVisits } from '#core/shares/share-visits.ts';
import { SharedDrive } from '#core/shares/shared-drive.ts';
import { Shares } from '#core/shares/shares.ts';
import type { Sharing } from '#core/shares/sharing.ts';
import { Tickets } from '#core/shares/tickets.ts';
import type { Uploads } from '#core/uploads.ts';

const MINUTE_MS = 60_000;
const GIBIBYTE = 1024 ** 3;

interface SharingParts {
  readonly metadata: Metadata;
  readonly drive: Drive;
  readonly downloads: Downloads;
  readonly uploads: Uploads;
  readonly passwords: Passwords;
  readonly signer: LinkSigner;
  readonly rateLimits: RateLimits;
  readonly audit: AuditLog;
  readonly ids: IdSource;
  readonly clock: Clock;
}

/** Shares, archives and previews as the configuration wants them. */
export function configuredSharing(config: Config, parts: SharingParts): Sharing {
  const { shares, archives: limits, previews } = config;
  const { drive, clock, metadata } = parts;
  const base = { ...parts, tree: drive.tree, enabled: shares.enabled };
  const passwords = new SharePasswords({
    ...parts,
    settings: {
      tries: shares.passwordTries,
      lockMs: shares.passwordLockMinutes * MINUTE_MS,
      proofMs: shares.proofMinutes * MINUTE_MS,
    },
  });
  const visits = new ShareVisits({ ...base, passwords });
  const archives = new DriveArchives({
    ...parts,
    archives: new Archives({
      maxEntries: limits.maxEntries,
      maxBytes: limits.maxGiB * GIBIBYTE,
      atOnce: limits.atOnce,
    }),
  });
  const windowMs = shares.downloadWindowMinutes * MINUTE_MS;
  const downloads = new ShareDownloads({ metadata, clock, windowMs });
  return {
    owned: new Shares({ ...base, maxExpireDays: shares.maxExpireDays }),
    visits,
    drive: new SharedDrive({ visits, downloads, drive, archives }),
    uploads: new ShareUploads({ ...parts, visits, driveUploads: drive.uploads }),
    archives,
    texts: new TextPreviews({ ...parts, maxBytes: previews.textKiB * 1024 }),
    tickets: new Tickets({ metadata, clock }),
  };
}
