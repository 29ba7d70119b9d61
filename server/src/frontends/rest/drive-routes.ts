import { readChanges } from './routes/drive/changes.ts';
import { entryContent, versionContent } from './routes/drive/content.ts';
import { changeEntry, copyEntry, getEntry, trashEntry } from './routes/drive/entries.ts';
import { createFolder, listFolder } from './routes/drive/folders.ts';
import { getDrive } from './routes/drive/get.ts';
import { listFavourites, listRecent } from './routes/drive/lists.ts';
import { putEntry } from './routes/drive/put-file.ts';
import { cancelDriveTask, getDriveTask } from './routes/drive/tasks.ts';
import { entryThumbnail } from './routes/drive/thumbnail.ts';
import { deleteEntry, emptyTrash, listTrash, restoreEntry } from './routes/drive/trash.ts';
import {
  completeDriveUpload,
  createDriveUpload,
  getDriveUpload,
  listDriveUploads,
  redirectDriveUpload,
} from './routes/drive/uploads.ts';
import { deleteVersion, listVersions, restoreVersion } from './routes/drive/versions.ts';

/** What people have: folders and files. */
export const DRIVE_ROUTES = [
  getDrive,
  getEntry,
  changeEntry,
  copyEntry,
  trashEntry,
  entryContent,
  entryThumbnail,
  listVersions,
  versionContent,
  restoreVersion,
  deleteVersion,
  createFolder,
  listFolder,
  listTrash,
  restoreEntry,
  deleteEntry,
  emptyTrash,
  listRecent,
  listFavourites,
  createDriveUpload,
  listDriveUploads,
  getDriveUpload,
  redirectDriveUpload,
  completeDriveUpload,
  getDriveTask,
  cancelDriveTask,
  readChanges,
];

/** Those that read the body themselves. */
export const DRIVE_BYTE_ROUTES = [putEntry];
