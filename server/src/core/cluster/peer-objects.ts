import { isOsproxyError, OsproxyError } from '../errors.ts';
import type { Metadata } from '../ports/metadata.ts';
import type { ByteRange, ObjectStat, StorageDriver, StoredObject } from '../ports/storage-driver.ts';
import { MARK_KEY, requireMark } from '../store-marks.ts';
import type { Stores } from '../stores.ts';

/** Keys as the storage port defines them; whatever a peer sends is a safe relative path. */
const KEY = /^(?=.{1,200}$)[a-z0-9_-]+(?:\/[a-z0-9_-]+)*$/;

/** The objects in the node-local stores of this node, as the other nodes may use them. */
export class PeerObjects {
  readonly #stores: Stores;
  readonly #metadata: Metadata;

  constructor(options: { stores: Stores; metadata: Metadata }) {
    this.#stores = options.stores;
    this.#metadata = options.metadata;
  }

  open(store: string, key: string, range: ByteRange | undefined, signal: AbortSignal): Promise<StoredObject> {
    const driver = this.#driver(store, key);
    return this.#sure(store, driver.open(key, range, { signal }));
  }

  stat(store: string, key: string, signal: AbortSignal): Promise<ObjectStat> {
    return this.#sure(store, this.#driver(store, key).stat(key, { signal }));
  }

  async delete(store: string, key: string, signal: AbortSignal): Promise<void> {
    const driver = this.#driver(store, key);
    await requireMark({ metadata: this.#metadata, stores: this.#stores }, store);
    await driver.delete(key, { signal });
  }

  /** Another node believes what this one says about its own store, so NotFound must not come from a folder that is not mounted. */
  async #sure<T>(store: string, answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      if (isOsproxyError(error, 'NotFound'))
        await requireMark({ metadata: this.#metadata, stores: this.#stores }, store);
      throw error;
    }
  }

  #driver(store: string, key: string): StorageDriver {
    if (!KEY.test(key) || key === MARK_KEY)
      throw new OsproxyError('InvalidArgument', 'This is not the key of a content.');
    const known = this.#stores.names.includes(store) && this.#stores.nodeOf(store) !== undefined;
    // Not NotFound, which would say that the bytes are gone.
    if (!known) throw new OsproxyError('Unavailable', `This node has no node-local store "${store}".`);
    return this.#stores.driver(store);
  }
}
