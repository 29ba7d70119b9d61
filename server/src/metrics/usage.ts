import type { UsageFlow } from '#core/usage/usage-flow.ts';
import type { PrometheusTelemetry } from '#drivers/telemetry/prometheus.ts';

const GAUGES = [
  [
    'osproxy_usage_unwritten',
    'Sums and records of usage that this process has not written yet.',
    (flow: UsageFlow) => flow.unwritten,
  ],
  [
    'osproxy_usage_bypassed',
    'Records that were counted directly because the log had no room for them.',
    (flow: UsageFlow) => flow.bypassed,
  ],
] as const;

/** What is on its way to the totals; nothing where usage is not counted. */
export function addUsageMetrics(telemetry: PrometheusTelemetry, flow: UsageFlow | undefined): void {
  if (flow === undefined) return;
  for (const [name, help, read] of GAUGES) {
    const collect = async () => [{ labels: {}, value: read(flow) }];
    telemetry.addGauge({ name, help, labels: [], perProcess: true, collect });
  }
}
