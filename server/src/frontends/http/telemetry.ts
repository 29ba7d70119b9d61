import type { Telemetry } from '#core/ports/telemetry.ts';

/** What the HTTP server counts besides what every front end counts; never throws and never waits. */
export interface HttpTelemetry extends Telemetry {
  /** One finished request. `route` is the pattern it matched, never the path it asked for. */
  httpRequest(method: string, route: string, status: number, seconds: number): void;
}
