import { entryPreviews } from './routes/drive/previews.ts';
import { driveTickets } from './routes/drive/tickets.ts';
import { zipEntries } from './routes/drive/zip.ts';
import { readShared } from './routes/shared/content.ts';
import { receiveShared, uploadShared } from './routes/shared/uploads.ts';
import { visitShared } from './routes/shared/visit.ts';
import { ownedShares } from './routes/shares/owned.ts';

/** Shares for owners and visitors, and how files are shown and fetched together. */
export const SHARE_ROUTES = [
  ownedShares,
  visitShared,
  readShared,
  uploadShared,
  entryPreviews,
  driveTickets,
  zipEntries,
];

export const SHARE_BYTE_ROUTES = [receiveShared];
