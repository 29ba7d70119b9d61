import type { PeerStore, Peers } from '#core/ports/peers.ts';
import { SmallObjectCache, type SmallObjectCacheOptions } from '../storage/wrappers/small-object-cache.ts';

/**
 * Keeps small objects of other nodes in memory, so that one that is read often is fetched once, and can be read while its node is away. One
 * cache for all nodes and stores. Objects never change, and nobody asks for one that no record names any more.
 */
export function cachedPeers(peers: Peers, options: SmallObjectCacheOptions): Peers {
  const cache = new SmallObjectCache(options);
  return {
    storeOf(node, store): PeerStore {
      const driver = peers.storeOf(node, store);
      const nameOf = (key: string): string => `${node}/${store}/${key}`;
      return {
        open: (key, range, callOptions) => cache.open({ driver, key, name: nameOf(key) }, range, callOptions),
        stat: (key, callOptions) => driver.stat(key, callOptions),
        async delete(key, callOptions) {
          cache.forget(nameOf(key));
          await driver.delete(key, callOptions);
        },
      };
    },
    close() {
      cache.clear();
      return peers.close();
    },
  };
}
