import type { ScrubBoard } from '#core/scrub/scrub-board.ts';
import type { PrometheusTelemetry } from '#drivers/telemetry/prometheus.ts';

/** What is wrong in the stores and not mended; every node says the same. */
export function addScrubMetrics(telemetry: PrometheusTelemetry, scrub: ScrubBoard): void {
  telemetry.addGauge({
    name: 'osproxy_scrub_findings',
    help: 'Contents in stores that are wrong and were not mended: lost without a good copy, or waiting for one that cannot be read now.',
    labels: ['store', 'state'],
    collect: async () =>
      (await scrub.counts()).map(({ store, lost, count }) => ({
        labels: { store, state: lost ? 'lost' : 'waiting' },
        value: count,
      })),
  });
}
