import type { IncomingMessage } from 'node:http';
import type { GetObjectCommandInput, PutObjectCommandInput, S3Client } from '@aws-sdk/client-s3';
import { SignatureV4 } from '@smithy/signature-v4';
import { collect, type HttpHandler } from './http-handler.ts';

/** Where the SDK sent an object, and for which region it signed that. */
interface Route {
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  /** What stands before the name of an object in the path. */
  readonly base: string;
  readonly region: string;
}

interface SignedRequest extends Omit<Route, 'base' | 'region'> {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** What a store gave, its body not read yet; whether it is what was asked for is for the reader to see. */
export interface QuickAnswer {
  readonly body: IncomingMessage;
  readonly headers: Readonly<Record<string, string>>;
}

export interface QuickObjectsOptions {
  /** The first gives credentials; what any of them sends first shows the way. */
  readonly clients: readonly [S3Client, ...S3Client[]];
  readonly handler: HttpHandler;
  readonly idleMs: number;
}

const SCOPE = /Credential=[^/]+\/\d+\/([^/]+)\/s3\/aws4_request/;
/** What the route is learned from. */
const SHOWING: ReadonlySet<string | undefined> = new Set(['PutObjectCommand', 'GetObjectCommand']);
type ObjectInput = PutObjectCommandInput | GetObjectCommandInput;

const MAX_ANSWER_BYTES = 64 * 1024;

type Signed = Parameters<HttpHandler['handle']>[0];

/**
 * Sends and fetches objects without the SDK's machinery, which costs more than everything else that a small one needs. Only its signature is used;
 * address and region are taken from the first object that the SDK itself has sent or fetched. The names of objects need no escaping in a path.
 */
export class QuickObjects {
  readonly #client: S3Client;
  readonly #handler: HttpHandler;
  readonly #idleMs: number;
  #route: Route | undefined;
  #signer: SignatureV4 | undefined;

  constructor({ clients, handler, idleMs }: QuickObjectsOptions) {
    this.#client = clients[0];
    this.#handler = handler;
    this.#idleMs = idleMs;
    for (const client of clients) this.#watch(client);
  }

  /**
   * True when the store has the object. False says nothing about it: the same is to be sent by the SDK, which explains what went wrong. Rejects
   * as the handler does when no answer came.
   */
  async put(name: string, body: Uint8Array, md5: string | undefined, signal: AbortSignal): Promise<boolean> {
    const route = this.#route;
    if (route === undefined) return false;
    const more = {
      'content-length': String(body.length),
      'content-type': 'application/octet-stream',
      ...(md5 !== undefined && { 'content-md5': md5 }),
    };
    const signed = await this.#sign(route, { method: 'PUT', name, more, body });
    const { response } = await this.#handler.handle(signed, { abortSignal: signal });
    await collect(response.body, this.#idleMs, MAX_ANSWER_BYTES);
    return response.statusCode === 200 && response.headers.etag !== undefined;
  }

  /** Undefined says nothing about the object: the same is to be asked by the SDK, which explains what is wrong. Rejects as the handler does when no answer came. */
  async get(
    name: string,
    range: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<QuickAnswer | undefined> {
    const route = this.#route;
    if (route === undefined) return undefined;
    const more = range === undefined ? {} : { range };
    const signed = await this.#sign(route, { method: 'GET', name, more });
    const { response } = await this.#handler.handle(signed, { abortSignal: signal });
    const { statusCode, headers, body } = response;
    if (statusCode < 300) return { body: body as IncomingMessage, headers };
    // Read to its end where it is short, so that the connection can be used again.
    await collect(body, this.#idleMs, MAX_ANSWER_BYTES).catch(() => undefined);
    return undefined;
  }

  async #sign(
    { protocol, hostname, port, base, region }: Route,
    wanted: { method: string; name: string; more: Record<string, string>; body?: Uint8Array },
  ): Promise<Signed> {
    const { method, name, more, body } = wanted;
    const request = {
      ...{ method, protocol, hostname, path: base + name, query: {} },
      ...(body !== undefined && { body }),
      ...(port !== undefined && { port }),
      headers: {
        host: port === undefined ? hostname : `${hostname}:${port}`,
        ...more,
        ...(protocol === 'https:' && body !== undefined && { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' }),
      },
    };
    return (await this.#signerFor(region).sign(request)) as Signed;
  }

  #signerFor(region: string): SignatureV4 {
    const { credentials, sha256 } = this.#client.config;
    this.#signer ??= new SignatureV4({ credentials, region, service: 's3', sha256, uriEscapePath: false });
    return this.#signer;
  }

  #watch(client: S3Client): void {
    client.middlewareStack.add(
      (next, { commandName }) =>
        async (args) => {
          const answer = await next(args);
          if (this.#route === undefined && SHOWING.has(commandName))
            this.#route = routeOf(args.request as SignedRequest, args.input as ObjectInput);
          return answer;
        },
      { step: 'finalizeRequest', priority: 'low', name: 'osproxyQuickObjects', override: true },
    );
  }
}

/** Undefined where the object's name is not the end of the path, or where another kind of signature is wanted. */
function routeOf(
  { protocol, hostname, port, path, headers }: SignedRequest,
  { Key }: ObjectInput,
): Route | undefined {
  const region = SCOPE.exec(headers.authorization ?? '')?.[1];
  if (region === undefined || Key === undefined || !path.endsWith(`/${Key}`)) return undefined;
  if (headers['x-amz-s3session-token'] !== undefined) return undefined;
  const base = path.slice(0, -Key.length);
  return { protocol, hostname, base, region, ...(port !== undefined && { port }) };
}
