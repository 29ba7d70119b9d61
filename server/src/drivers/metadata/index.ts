import { resolve } from 'node:path';
import { OsproxyError } from '#core/errors.ts';
import type { Metadata } from '#core/ports/metadata.ts';
import { SqliteMetadata, type SqliteOptions } from './dialects/sqlite/metadata.ts';

export type MetadataOptions = SqliteOptions;

/**
 * Opens the database of a URL: `sqlite:<path>`, relative to the working directory or absolute. Nothing is migrated yet. Rejects with
 * InvalidArgument for a URL of another kind and with PermissionDenied when the file cannot be opened or made.
 */
export async function openMetadata(url: string, options: MetadataOptions): Promise<Metadata> {
  const path = /^sqlite:(?:\/\/)?(?<path>[^?#]+)$/.exec(url)?.groups?.path;
  if (path === undefined) {
    throw new OsproxyError('InvalidArgument', 'The database URL must look like "sqlite:./data/osproxy.db".');
  }
  return SqliteMetadata.open(resolve(path), options);
}
