import type { SinkBoard, SinkView } from '#core/events/sink-board.ts';
import type { PrometheusTelemetry } from '#drivers/telemetry/prometheus.ts';

const GAUGES = [
  ['osproxy_event_sink_lag', 'Events that a sink was not told of yet, at most.', ({ lag }: SinkView) => lag],
  ['osproxy_event_sink_waiting', 'Events that wait to be told again.', ({ waiting }: SinkView) => waiting],
  ['osproxy_event_sink_parked', 'Events that a sink refused for good.', ({ parked }: SinkView) => parked],
  [
    'osproxy_event_sink_up',
    '1 for a sink that is told of events, 0 for one that fails or is disabled.',
    ({ state }: SinkView) => (state === 'active' ? 1 : 0),
  ],
] as const;

/** What is known of each sink; every node says the same. */
export function addEventMetrics(telemetry: PrometheusTelemetry, sinks: SinkBoard): void {
  for (const [name, help, read] of GAUGES) {
    telemetry.addGauge({
      name,
      help,
      labels: ['sink'],
      collect: async () =>
        (await sinks.list()).map((sink) => ({ labels: { sink: sink.name }, value: read(sink) })),
    });
  }
}
