import type { Static, TSchema } from 'typebox';
import type { Logger } from '#core/ports/logger.ts';
import type { StorageDriver } from '#core/ports/storage-driver.ts';
import type { Telemetry } from '#core/ports/telemetry.ts';

/** What a driver may use of the node it runs on. */
export interface StorageDriverContext {
  readonly nodeId: string;
  readonly telemetry: Telemetry;
  readonly logger: Logger;
  /** Told when the store is given up for a while, and when it is back. */
  readonly onAvailability?: (isUp: boolean) => void;
}

/** One kind of store: what its settings look like and how it is started. */
export interface StorageDriverType<Settings extends TSchema = TSchema> {
  readonly settings: Settings;
  /** Rejects with an OsproxyError when the store cannot be used. */
  create(settings: Static<Settings>, context: StorageDriverContext): Promise<StorageDriver>;
}
