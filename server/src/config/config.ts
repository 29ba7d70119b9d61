import type { Settings } from './schema.ts';

type DeepReadonly<T> = T extends readonly (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
    : T;

/** One configured store with the settings of its type, which are checked when it is opened; the path of a module is absolute. */
export interface StoreConfig {
  readonly name: string;
  readonly type: string;
  readonly maxFileSizeMiB?: number;
  readonly allowedTypes?: readonly string[];
  readonly [setting: string]: unknown;
}

/** One configured receiver of events with the settings of its type, which are checked when it is prepared. */
export interface SinkConfig {
  readonly name: string;
  readonly type: string;
  readonly types?: readonly string[];
  readonly owners?: readonly string[];
  readonly maxAttempts?: number;
  readonly disableAfterHours?: number;
  readonly [setting: string]: unknown;
}

/** One configured sign-in provider with the settings of its type, which are checked when it is made. */
interface ProviderConfig {
  readonly name: string;
  readonly type: string;
  readonly title?: string;
  readonly [setting: string]: unknown;
}

/** The log file as it will be used; `path` is absolute. */
export type LogFileConfig = DeepReadonly<NonNullable<Settings['log']['file']>> & { readonly path: string };

/** The validated settings with every default filled in, deep-frozen; paths are absolute. */
export type Config = DeepReadonly<
  Omit<Settings, 'workers' | 'database' | 'stores' | 'defaultStore' | 'log' | 'hashing' | 'events' | 'signIn'>
> & {
  /** Processes of this node. */
  readonly workers: number;
  readonly database: DeepReadonly<Settings['database']> & { readonly url: string };
  readonly stores: readonly StoreConfig[];
  readonly defaultStore: string;
  readonly log: { readonly level: Settings['log']['level']; readonly file?: LogFileConfig };
  readonly hashing: { readonly threads: number };
  readonly events: { readonly retentionHours: number; readonly sinks: readonly SinkConfig[] };
  readonly signIn: { readonly providers: readonly ProviderConfig[] };
};
