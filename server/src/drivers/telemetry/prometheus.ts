import {
  AggregatorRegistry,
  Counter,
  collectDefaultMetrics,
  Gauge,
  Histogram,
  type MetricObjectWithValues,
  type MetricValue,
  Registry,
} from 'prom-client';
import type { Telemetry } from '#core/ports/telemetry.ts';

/** One value of a gauge that is computed when somebody asks for the metrics. */
interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** All values of one process, as they travel to another. */
export type MetricsSnapshot = readonly MetricObjectWithValues<MetricValue<string>>[];

export interface ComputedMetric {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  /** true: the values of the processes of a node are added up. Else all see the same, and a gauge counts once. */
  readonly perProcess?: boolean;
  /** Called at every scrape; a rejection leaves the metric without values and the others as they are. */
  collect(): Promise<readonly Sample[]>;
}

/** Seconds, from a request answered from memory to an upload of hours. */
const HTTP_BUCKETS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800,
];
const STORAGE_BUCKETS = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];
const TASK_BUCKETS = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600];

const COUNTING: ReadonlySet<string> = new Set(['counter', 'histogram']);

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

type Direction = 'in' | 'out';

interface HttpSeries {
  readonly requests: Counter.Internal;
  readonly seconds: Histogram.Internal<'method' | 'route'>;
}

/** Counts in a registry of its own, so that several services may live in one process. */
export class PrometheusTelemetry implements Telemetry {
  readonly #registry = new Registry();
  readonly #requests: Counter<'method' | 'route' | 'status'>;
  readonly #requestSeconds: Histogram<'method' | 'route'>;
  /** Looked up once per method, status and route, of which there are few; finding a series by its labels costs more than counting. */
  readonly #httpSeries = new Map<string, HttpSeries>();
  readonly #bytes: Readonly<Record<Direction, Counter.Internal>>;
  readonly #open: Readonly<Record<Direction, Gauge.Internal<'direction'>>>;
  #underWay = 0;
  readonly #attempts: Counter<'type' | 'outcome'>;
  readonly #attemptSeconds: Histogram<'type'>;
  readonly #relocations: Counter<'from' | 'to' | 'outcome'>;
  readonly #relocatedBytes: Counter<'from' | 'to'>;
  readonly #scrubs: Counter<'store' | 'outcome'>;
  readonly #scrubbedBytes: Counter<'store'>;
  readonly #looks: Counter<'outcome'>;
  readonly #lookSeconds: Histogram;
  readonly #events: Counter<'type'>;
  readonly #eventsTold: Counter<'sink' | 'outcome'>;
  readonly #usage: Counter<'kind' | 'outcome'>;
  readonly #operations: Counter<'store' | 'operation' | 'outcome'>;
  readonly #operationSeconds: Histogram<'store' | 'operation'>;

  constructor() {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    this.#requests = new Counter({
      name: 'osproxy_http_requests_total',
      help: 'Finished HTTP requests.',
      labelNames: ['method', 'route', 'status'],
      registers,
    });
    this.#requestSeconds = new Histogram({
      name: 'osproxy_http_request_seconds',
      help: 'Time from the headers of a request to the end of its answer.',
      labelNames: ['method', 'route'],
      buckets: HTTP_BUCKETS,
      registers,
    });
    const bytes = new Counter({
      name: 'osproxy_transferred_bytes_total',
      help: 'Bytes of file content that came in or went out.',
      labelNames: ['direction'],
      registers,
    });
    const open = new Gauge({
      name: 'osproxy_open_transfers',
      help: 'Transfers of file content that are under way.',
      labelNames: ['direction'],
      registers,
    });
    this.#bytes = { in: bytes.labels('in'), out: bytes.labels('out') };
    this.#open = { in: open.labels('in'), out: open.labels('out') };
    for (const direction of ['in', 'out'] as const) {
      this.#bytes[direction].inc(0);
      this.#open[direction].set(0);
    }
    this.#attempts = new Counter({
      name: 'osproxy_task_attempts_total',
      help: 'Attempts of background tasks by how they ended.',
      labelNames: ['type', 'outcome'],
      registers,
    });
    this.#attemptSeconds = new Histogram({
      name: 'osproxy_task_attempt_seconds',
      help: 'How long attempts of background tasks took.',
      labelNames: ['type'],
      buckets: TASK_BUCKETS,
      registers,
    });
    this.#relocations = new Counter({
      name: 'osproxy_relocations_total',
      help: 'Blobs brought from one store to another: ok, refused or an error code.',
      labelNames: ['from', 'to', 'outcome'],
      registers,
    });
    this.#relocatedBytes = new Counter({
      name: 'osproxy_relocated_bytes_total',
      help: 'Bytes brought from one store to another.',
      labelNames: ['from', 'to'],
      registers,
    });
    this.#scrubs = new Counter({
      name: 'osproxy_scrubbed_total',
      help: 'Contents in stores that were read again: good, repaired, damaged or skipped.',
      labelNames: ['store', 'outcome'],
      registers,
    });
    this.#scrubbedBytes = new Counter({
      name: 'osproxy_scrubbed_bytes_total',
      help: 'Bytes in stores that were read again.',
      labelNames: ['store'],
      registers,
    });
    this.#looks = new Counter({
      name: 'osproxy_media_looks_total',
      help: 'Images, films and sounds that were looked at: ok, or why they were refused.',
      labelNames: ['outcome'],
      registers,
    });
    this.#lookSeconds = new Histogram({
      name: 'osproxy_media_look_seconds',
      help: 'How long looking at images, films and sounds took, thumbnails included.',
      buckets: TASK_BUCKETS,
      registers,
    });
    this.#events = new Counter({
      name: 'osproxy_events_total',
      help: 'Events of changes that this node made.',
      labelNames: ['type'],
      registers,
    });
    this.#usage = new Counter({
      name: 'osproxy_usage_records_total',
      help: 'Uploads and downloads that ended: ok, aborted or failed.',
      labelNames: ['kind', 'outcome'],
      registers,
    });
    this.#eventsTold = new Counter({
      name: 'osproxy_event_deliveries_total',
      help: 'What sinks said about events: delivered, refused, unavailable or gone; parked after the last refusal.',
      labelNames: ['sink', 'outcome'],
      registers,
    });
    this.#operations = new Counter({
      name: 'osproxy_storage_operations_total',
      help: 'Calls of storage drivers by outcome: ok or an error code.',
      labelNames: ['store', 'operation', 'outcome'],
      registers,
    });
    this.#operationSeconds = new Histogram({
      name: 'osproxy_storage_operation_seconds',
      help: 'How long calls of storage drivers took.',
      labelNames: ['store', 'operation'],
      buckets: STORAGE_BUCKETS,
      registers,
    });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** The metrics in Prometheus text form. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** For addUp() in another process. */
  snapshot(): Promise<MetricsSnapshot> {
    return this.#registry.getMetricsAsJSON();
  }

  /** The metrics of several processes as those of one, in text form. */
  addUp(snapshots: readonly MetricsSnapshot[]): Promise<string> {
    return AggregatorRegistry.aggregate(
      snapshots as MetricObjectWithValues<MetricValue<string>>[][],
    ).metrics();
  }

  /** Throws when a metric of this name exists. */
  addGauge(gauge: ComputedMetric): void {
    new Gauge({
      ...this.#described(gauge),
      aggregator: gauge.perProcess === true ? 'sum' : 'first',
      async collect() {
        this.reset();
        const samples = await collected(gauge);
        for (const { labels, value } of samples) this.set({ ...labels }, value);
      },
    });
  }

  /** For what somebody else counts, and never counts down. Throws when a metric of this name exists. */
  addCounter(counter: ComputedMetric): void {
    new Counter({
      ...this.#described(counter),
      async collect() {
        this.reset();
        const samples = await collected(counter);
        for (const { labels, value } of samples) this.inc({ ...labels }, value);
      },
    });
  }

  #described({ name, help, labels }: ComputedMetric) {
    return { name, help, labelNames: [...labels], registers: [this.#registry] };
  }

  httpRequest(method: string, route: string, status: number, seconds: number): void {
    // Anybody can invent methods; each would be a new time series.
    const known = METHODS.has(method) ? method : 'other';
    const key = `${known} ${status} ${route}`;
    let series = this.#httpSeries.get(key);
    if (series === undefined) {
      series = {
        requests: this.#requests.labels(known, route, String(status)),
        seconds: this.#requestSeconds.labels(known, route),
      };
      this.#httpSeries.set(key, series);
    }
    series.requests.inc();
    series.seconds.observe(seconds);
  }

  storageOperation(store: string, operation: string, outcome: string, seconds: number): void {
    this.#operations.labels(store, operation, outcome).inc();
    this.#operationSeconds.labels(store, operation).observe(seconds);
  }

  taskAttempt(type: string, outcome: string, seconds: number): void {
    this.#attempts.labels(type, outcome).inc();
    this.#attemptSeconds.labels(type).observe(seconds);
  }

  eventAppended(type: string): void {
    this.#events.labels(type).inc();
  }

  eventTold(sink: string, outcome: string): void {
    this.#eventsTold.labels(sink, outcome).inc();
  }

  usageRecorded(kind: string, outcome: string): void {
    this.#usage.labels(kind, outcome).inc();
  }

  transferred(direction: Direction, bytes: number): void {
    if (bytes > 0) this.#bytes[direction].inc(bytes);
  }

  relocated(from: string, to: string, outcome: string, bytes: number): void {
    this.#relocations.labels(from, to, outcome).inc();
    if (bytes > 0) this.#relocatedBytes.labels(from, to).inc(bytes);
  }

  scrubbed(store: string, outcome: string, bytes: number): void {
    this.#scrubs.labels(store, outcome).inc();
    if (bytes > 0) this.#scrubbedBytes.labels(store).inc(bytes);
  }

  lookedAt(outcome: string, seconds: number): void {
    this.#looks.labels(outcome).inc();
    this.#lookSeconds.observe(seconds);
  }

  /** Transfers that are under way in both directions. */
  get openTransfers(): number {
    return this.#underWay;
  }

  transferOpened(direction: Direction): () => void {
    const open = this.#open[direction];
    let counted = true;
    this.#underWay += 1;
    open.inc();
    return () => {
      if (!counted) return;
      counted = false;
      this.#underWay -= 1;
      open.dec();
    };
  }
}

/** Only what counts up: the sums of processes that are gone. */
export async function addUpCounters(snapshots: readonly MetricsSnapshot[]): Promise<MetricsSnapshot> {
  const counters = snapshots.map((snapshot) => snapshot.filter(({ type }) => COUNTING.has(String(type))));
  return AggregatorRegistry.aggregate(counters).getMetricsAsJSON();
}

async function collected(metric: ComputedMetric): Promise<readonly Sample[]> {
  try {
    return await metric.collect();
  } catch {
    return [];
  }
}
