import type { Holds } from '#core/holds.ts';
import type { PrometheusTelemetry } from '#drivers/telemetry/prometheus.ts';

/** Metrics are read every few seconds, and what waits may be much. */
const COUNTED = 10_000;

export function addHoldMetrics(telemetry: PrometheusTelemetry, holds: Holds): void {
  telemetry.addGauge({
    name: 'osproxy_files_held',
    help: `Files that are held back, by the type of the task that decides, of the first ${COUNTED}.`,
    labels: ['type'],
    collect: async () =>
      (await holds.counts(COUNTED)).map(({ type, count }) => ({ labels: { type }, value: count })),
  });
}
