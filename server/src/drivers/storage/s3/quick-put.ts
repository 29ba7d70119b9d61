import type { PutObjectCommandInput, S3Client } from '@aws-sdk/client-s3';
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

export interface QuickPutOptions {
  /** The first gives credentials; what any of them sends first shows the way. */
  readonly clients: readonly [S3Client, ...S3Client[]];
  readonly handler: HttpHandler;
  readonly idleMs: number;
}

const SCOPE = /Credential=[^/]+\/\d+\/([^/]+)\/s3\/aws4_request/;
const MAX_ANSWER_BYTES = 64 * 1024;

/**
 * Sends small objects without the SDK's machinery, which costs more than everything else that a small upload needs. Only its signature is used;
 * address and region are taken from the first object that the SDK itself has sent.
 */
export class QuickPut {
  readonly #client: S3Client;
  readonly #handler: HttpHandler;
  readonly #idleMs: number;
  #route: Route | undefined;
  #signer: SignatureV4 | undefined;

  constructor({ clients, handler, idleMs }: QuickPutOptions) {
    this.#client = clients[0];
    this.#handler = handler;
    this.#idleMs = idleMs;
    for (const client of clients) this.#watch(client);
  }

  /**
   * `name` needs no escaping in a path. True when the store has the object. False says nothing about it: the same is to be sent by the SDK, which explains what went wrong. Rejects
   * as the handler does when no answer came.
   */
  async send(name: string, body: Uint8Array, md5: string | undefined, signal: AbortSignal): Promise<boolean> {
    const route = this.#route;
    if (route === undefined) return false;
    const { protocol, hostname, port, base, region } = route;
    const request = {
      ...{ method: 'PUT', protocol, hostname, path: base + name, query: {}, body },
      ...(port !== undefined && { port }),
      headers: {
        host: port === undefined ? hostname : `${hostname}:${port}`,
        'content-length': String(body.length),
        'content-type': 'application/octet-stream',
        ...(md5 !== undefined && { 'content-md5': md5 }),
        ...(protocol === 'https:' && { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' }),
      },
    };
    const signed = await this.#signerFor(region).sign(request);
    const { response } = await this.#handler.handle(signed as Parameters<HttpHandler['handle']>[0], {
      abortSignal: signal,
    });
    await collect(response.body, this.#idleMs, MAX_ANSWER_BYTES);
    return response.statusCode === 200 && response.headers.etag !== undefined;
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
          if (this.#route === undefined && commandName === 'PutObjectCommand')
            this.#route = routeOf(args.request as SignedRequest, args.input as PutObjectCommandInput);
          return answer;
        },
      { step: 'finalizeRequest', priority: 'low', name: 'osproxyQuickPut', override: true },
    );
  }
}

/** Undefined where the object's name is not the end of the path, or where another kind of signature is wanted. */
function routeOf(
  { protocol, hostname, port, path, headers }: SignedRequest,
  { Key }: PutObjectCommandInput,
): Route | undefined {
  const region = SCOPE.exec(headers.authorization ?? '')?.[1];
  if (region === undefined || Key === undefined || !path.endsWith(`/${Key}`)) return undefined;
  if (headers['x-amz-s3session-token'] !== undefined) return undefined;
  const base = path.slice(0, -Key.length);
  return { protocol, hostname, base, region, ...(port !== undefined && { port }) };
}
