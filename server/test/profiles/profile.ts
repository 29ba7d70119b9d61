import type { StoreSettings } from '#drivers/storage/index.ts';
import type { SharedServices } from '#test/services/shared.ts';

/** What the service of one data folder stands on. */
export interface Place {
  /** Its only store; a folder in the data folder otherwise. */
  readonly store?: StoreSettings;
  /** Its database; SQLite in the data folder otherwise. */
  readonly databaseUrl?: string;
  /** Removes what the service has left there. */
  remove(): Promise<void>;
}

/** A way to run the end-to-end tests on other stores and databases. */
export interface Profile<Name extends keyof SharedServices = keyof SharedServices> {
  /** The server it stands on, started when the first service asks. */
  readonly needs: Name;
  /** The same name, which no other service of the run has, always gives the same place. */
  place(name: string, access: SharedServices[Name]): Promise<Place>;
}
