import type { StoreLimits } from './placement.ts';
import type { StoreUsages } from './store-usage.ts';
import type { Stores } from './stores.ts';

export interface StoreView {
  readonly name: string;
  /** Its kind as configured; the file name of a module. */
  readonly type: string;
  readonly isDefault: boolean;
  /** False for a name that placements have and the configuration does not. */
  readonly isConfigured: boolean;
  readonly limits: StoreLimits;
  /** As the database has them. */
  readonly objects: number;
  readonly bytes: number;
}

/** The stores as administrators see them. */
export class StoreOverview {
  readonly #stores: Stores;
  readonly #usages: StoreUsages;
  readonly #types: ReadonlyMap<string, string>;
  readonly #limitsOf: (store: string) => StoreLimits;

  constructor(options: {
    stores: Stores;
    usages: StoreUsages;
    /** Kind of each store by its name. */
    types: ReadonlyMap<string, string>;
    limitsOf: (store: string) => StoreLimits;
  }) {
    this.#stores = options.stores;
    this.#usages = options.usages;
    this.#types = options.types;
    this.#limitsOf = options.limitsOf;
  }

  /** In the order of the configuration; names that only the database knows come last. */
  async list(): Promise<readonly StoreView[]> {
    const usage = await this.#usages.now();
    const { names, defaultName } = this.#stores;
    const others = [...usage.keys()].filter((name) => !names.includes(name)).sort();
    return [...names, ...others].map((name) => ({
      name,
      type: this.#types.get(name) ?? '',
      isDefault: name === defaultName,
      isConfigured: names.includes(name),
      limits: this.#limitsOf(name),
      objects: usage.get(name)?.objects ?? 0,
      bytes: usage.get(name)?.bytes ?? 0,
    }));
  }
}
