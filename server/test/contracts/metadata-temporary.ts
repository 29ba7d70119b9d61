import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Logger } from '#core/ports/logger.ts';
import type { Metadata } from '#core/ports/metadata.ts';
import { type MetadataOptions, openMetadata } from '#drivers/metadata/index.ts';
import type { TestDatabase } from './metadata-fixture.ts';

/** Keeps what was logged as a warning or an error. */
export function recordingLogger(): Logger & {
  readonly lines: readonly { fields: object; message: string }[];
} {
  const lines: { fields: object; message: string }[] = [];
  const logger = {
    lines,
    debug: () => {},
    info: () => {},
    warn: (fields: object, message: string) => void lines.push({ fields, message }),
    error: (fields: object, message: string) => void lines.push({ fields, message }),
    child: () => logger,
  };
  return logger;
}

export interface TemporaryDatabase extends TestDatabase {
  readonly path: string;
  open(options?: Partial<MetadataOptions>): Promise<Metadata>;
}

/** An SQLite database in a temporary folder of its own. */
export async function temporaryDatabase(): Promise<TemporaryDatabase> {
  const folder = await mkdtemp(join(tmpdir(), 'osproxy-metadata-'));
  const path = join(folder, 'osproxy.db');
  return {
    path,
    open: (options = {}) => openMetadata(`sqlite:${path}`, { logger: recordingLogger(), ...options }),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** A migrated database in a temporary folder; `dispose` closes and removes it. */
export async function createMetadata(
  options: Partial<MetadataOptions> = {},
): Promise<{ metadata: Metadata; path: string; dispose: () => Promise<void> }> {
  const database = await temporaryDatabase();
  const metadata = await database.open(options);
  await metadata.migrate();
  const dispose = async () => {
    await metadata.close();
    await database.remove();
  };
  return { metadata, path: database.path, dispose };
}
