import { Agent as HttpAgent, type IncomingMessage, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import type { LookupFunction } from 'node:net';
import { checkLiteral, lookupPublic } from '../public-address.ts';

/** Far above any answer of a provider that was seen; a set of keys is the largest. */
const MOST_BYTES = 512 * 1024;

export interface OutgoingOptions {
  /** Addresses that the operator wrote; their hosts may be anywhere, those that only an answer named must be public. */
  readonly configured: readonly URL[];
  /** Every host may be private, and http:// will do. */
  readonly allowPrivate: boolean;
  /** From the first byte sent to the last byte of the answer. */
  readonly timeoutMs: number;
  /** How names are resolved that the operator did not write. */
  readonly lookup?: LookupFunction;
}

interface Outgoing {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** No answer came; the message says why, without the query of the address. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}

/** Asks providers, in the form of fetch: no redirect is followed, and neither time nor bytes of an answer are without end. */
export class OutgoingHttp {
  readonly #options: OutgoingOptions;
  readonly #configured: ReadonlySet<string>;
  readonly #agents = new Map<string, HttpAgent>();

  constructor(options: OutgoingOptions) {
    this.#options = options;
    this.#configured = new Set(options.configured.map(({ host }) => host));
  }

  /** Rejects with NoAnswer. */
  async fetch(
    address: string | URL,
    { method = 'GET', headers = {}, body }: Outgoing = {},
  ): Promise<Response> {
    const url = new URL(address);
    const { allowPrivate, timeoutMs } = this.#options;
    if (url.protocol !== 'https:' && !(allowPrivate && url.protocol === 'http:'))
      throw new NoAnswer(
        `${url.host} is not asked by ${url.protocol}// (only by https://, or with allowPrivate)`,
      );
    const isOpen = allowPrivate || this.#configured.has(url.host);
    const late = AbortSignal.timeout(timeoutMs);
    try {
      if (!isOpen) checkLiteral(url.hostname);
      return await this.#send(url, method, headers, textOf(body), isOpen, late);
    } catch (cause) {
      if (late.aborted) throw new NoAnswer(`no answer of ${url.host} within ${timeoutMs / 1000} s`);
      throw new NoAnswer(`${url.host}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    }
  }

  close(): void {
    for (const agent of this.#agents.values()) agent.destroy();
  }

  #send(
    url: URL,
    method: string,
    headers: Readonly<Record<string, string>>,
    body: string | undefined,
    isOpen: boolean,
    signal: AbortSignal,
  ): Promise<Response> {
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    const request = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, {
      method,
      signal,
      agent: this.#agentFor(url.protocol, isOpen),
      headers: {
        'user-agent': 'osproxy',
        ...headers,
        ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
      },
    });
    request.on('error', reject);
    request.on('response', (response) => {
      readAll(response).then((bytes) => resolve(answerOf(response, bytes)), reject);
    });
    request.end(body);
    return promise;
  }

  #agentFor(protocol: string, isOpen: boolean): HttpAgent {
    const name = `${protocol}${isOpen}`;
    const known = this.#agents.get(name);
    if (known !== undefined) return known;
    const lookup = isOpen ? {} : { lookup: this.#options.lookup ?? lookupPublic() };
    const settings = { keepAlive: false, ...lookup };
    const agent = protocol === 'https:' ? new HttpsAgent(settings) : new HttpAgent(settings);
    this.#agents.set(name, agent);
    return agent;
  }
}

function textOf(body: unknown): string | undefined {
  return body === undefined || body === null ? undefined : String(body);
}

async function readAll(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.byteLength;
    if (size > MOST_BYTES) {
      response.destroy();
      throw new Error(`the answer is longer than ${MOST_BYTES} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function answerOf({ statusCode = 0, headers }: IncomingMessage, bytes: Buffer): Response {
  const pairs = Object.entries(headers).flatMap(([name, value]) =>
    [value ?? []].flat().map((one): [string, string] => [name, one]),
  );
  const isEmpty = [204, 205, 304].includes(statusCode);
  return new Response(isEmpty ? null : new Uint8Array(bytes), { status: statusCode, headers: pairs });
}
