import { Agent as HttpAgent, type IncomingMessage, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import type { LookupFunction } from 'node:net';
import { JoinedSignal } from '#core/cancellation.ts';
import { isOsproxyError } from '#core/errors.ts';
import { CLOUD_EVENT_TYPE, cloudEvent } from '#core/events/cloud-event.ts';
import type { EventRecord } from '#core/model/event.ts';
import type { Clock } from '#core/ports/clock.ts';
import type { EventSink, SinkOutcome } from '#core/ports/event-sink.ts';
import { checkLiteral, lookupPublic } from '../../public-address.ts';
import { signedHeaders } from './signature.ts';

/** An answer's body is read so far, for the reason of a refusal, and no further. */
const READ_BYTES = 1024;

export interface WebhookOptions {
  readonly url: URL;
  /** The first signs, the others sign as well. */
  readonly keys: readonly Buffer[];
  /** True lets the receiver be an address of a private network. */
  readonly allowPrivate: boolean;
  /** From the first byte sent to the last header of the answer. */
  readonly timeoutMs: number;
  /** `source` of the events. */
  readonly source: string | undefined;
  readonly clock: Clock;
  /** How names are resolved where private receivers are not allowed. */
  readonly lookup?: LookupFunction;
}

/** Posts each event in the form of Standard Webhooks with a CloudEvent as its body. Redirects are never followed. */
export class WebhookSink implements EventSink {
  readonly #options: WebhookOptions;
  readonly #agent: HttpAgent;

  constructor(options: WebhookOptions) {
    this.#options = options;
    const lookup = options.allowPrivate ? {} : { lookup: options.lookup ?? lookupPublic() };
    const settings = { keepAlive: true, ...lookup };
    this.#agent = options.url.protocol === 'https:' ? new HttpsAgent(settings) : new HttpAgent(settings);
  }

  async deliver(events: readonly EventRecord[], signal: AbortSignal): Promise<readonly SinkOutcome[]> {
    const outcomes: SinkOutcome[] = [];
    for (const event of events) outcomes.push(await this.#post(event, signal));
    return outcomes;
  }

  async close(): Promise<void> {
    this.#agent.destroy();
  }

  async #post(event: EventRecord, signal: AbortSignal): Promise<SinkOutcome> {
    const { timeoutMs, url, allowPrivate } = this.#options;
    const both = new JoinedSignal(signal);
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      both.abort();
    }, timeoutMs);
    try {
      if (!allowPrivate) checkLiteral(url.hostname);
      return await this.#send(event, both.signal);
    } catch (error) {
      if (isLate) return { kind: 'refused', reason: `no answer within ${timeoutMs / 1000} s` };
      if (signal.aborted) return { kind: 'unavailable', reason: 'the service is stopping' };
      return { kind: 'unavailable', reason: reasonOf(error) };
    } finally {
      clearTimeout(timer);
      both.release();
    }
  }

  #send(event: EventRecord, signal: AbortSignal): Promise<SinkOutcome> {
    const { url, keys, source, clock } = this.#options;
    const body = JSON.stringify(cloudEvent(event, source));
    const { promise, resolve, reject } = Promise.withResolvers<SinkOutcome>();
    const request = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, {
      method: 'POST',
      agent: this.#agent,
      signal,
      headers: {
        'content-type': CLOUD_EVENT_TYPE,
        'content-length': Buffer.byteLength(body),
        'user-agent': 'osproxy',
        ...signedHeaders(keys, event.position, body, Math.floor(clock.now() / 1000)),
      },
    });
    request.on('error', reject);
    request.on('response', (response) => {
      readStart(response).then((text) => resolve(outcomeOf(response, text, clock.now())), reject);
    });
    request.end(body);
    return promise;
  }
}

function outcomeOf({ statusCode = 0, headers }: IncomingMessage, text: string, now: number): SinkOutcome {
  if (statusCode >= 200 && statusCode < 300) return { kind: 'delivered' };
  if (statusCode === 410) return { kind: 'gone', reason: 'the receiver answered 410 Gone' };
  if (statusCode === 429 || statusCode === 503) {
    const retryAfterMs = waitOf(headers['retry-after'], now);
    return { kind: 'unavailable', reason: `the receiver answered ${statusCode}`, retryAfterMs };
  }
  if (statusCode >= 300 && statusCode < 400) {
    return { kind: 'refused', reason: `the receiver answered ${statusCode}; redirects are not followed` };
  }
  const said = text === '' ? '' : `: ${text}`;
  return { kind: 'refused', reason: `the receiver answered ${statusCode}${said}` };
}

/** RFC 9110, 10.2.3: seconds or a date. */
function waitOf(text: string | undefined, now: number): number | undefined {
  if (text === undefined) return undefined;
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  return ms > 0 ? ms : undefined;
}

/** The beginning of a body as one line; a body that is longer ends the connection. */
async function readStart(response: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    size += chunk.byteLength;
    if (size >= READ_BYTES) break;
  }
  const start = Buffer.concat(chunks).subarray(0, READ_BYTES).toString('utf8');
  return start.replace(/[\p{Cc}\s]+/gu, ' ').trim();
}

function reasonOf(error: unknown): string {
  if (isOsproxyError(error)) return error.message;
  if (!(error instanceof Error)) return 'the receiver cannot be reached';
  const code = 'code' in error ? ` (${String(error.code)})` : '';
  return `the receiver cannot be reached${code}: ${error.message}`;
}
