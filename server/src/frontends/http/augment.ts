import type { AccessRule } from '#core/access.ts';
import type { Principal } from '#core/model/principal.ts';
import type { Exchange } from './exchange.ts';
import type { HttpTelemetry } from './telemetry.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may call the route; the server does not start while a route lacks it. */
    access: AccessRule;
    /** Never looks at keys or links that a caller sends along, wrong ones included (health, documentation). */
    ignoreCredentials?: boolean;
    /** Not counted against anybody's rate, for those who watch the service. */
    unlimited?: boolean;
  }

  interface FastifyRequest {
    readonly exchange: Exchange;
    readonly principal: Principal;
    /** Fires when the client goes away or the server gives up waiting while it drains; its reason is an OsproxyError. */
    readonly abort: AbortSignal;
  }

  interface FastifyInstance {
    readonly telemetry: HttpTelemetry;
    /**
     * Stops accepting, ends idle connections, gives open requests `graceMs` milliseconds and then aborts them.
     * Resolves with the number aborted, when every connection is closed. Calling it again waits for the same end.
     */
    drain(graceMs: number): Promise<number>;
  }
}
