import type { NginxAccess } from '#test/services/nginx.ts';
import { type ClusterPlaceOptions, openClusterPlace } from './cluster-place.ts';
import { clusterTroubles, drawTroubles } from './cluster-troubles.ts';
import type { Model } from './crash-model.ts';
import { Random } from './random.ts';
import { runStorm } from './store-storm.ts';

export interface Chaos extends ClusterPlaceOptions {
  readonly seed: number;
  /** Troubles, one after another or two at once. */
  readonly rounds: number;
  /** Bounds of the acknowledgements before each trouble. */
  readonly underWay: readonly [number, number];
}

/** Three nodes behind nginx under load while everything that can happen to them does; rejects with the first promise that was broken. */
export async function runChaos(nginx: NginxAccess, chaos: Chaos): Promise<Model['acknowledged']> {
  const { seed, rounds, underWay } = chaos;
  const place = await openClusterPlace(nginx, chaos);
  try {
    return await runStorm({
      place,
      seed,
      underWay,
      troubles: drawTroubles(clusterTroubles(place), rounds, new Random(seed, 1000)),
      sizes: { whole: [0, 0.1, 60, 400, 1500], part: [64, 900] },
      lasts: [200, 2500],
      proxied: { patienceMs: 2500 },
    });
  } finally {
    await place.close();
  }
}
