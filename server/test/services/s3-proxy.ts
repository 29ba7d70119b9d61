import { once } from 'node:events';
import {
  Agent,
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { PartSizes } from './s3-proxy-parts.ts';
import { type ProxiedRequest, type Refusal, refusalOf, type S3ProxyRules } from './s3-proxy-rules.ts';
import { type SigningKey, signatureFault, signed } from './s3-signature.ts';

/** Something that goes wrong with one request. */
export type Fault =
  /** The answer given instead; `after`: the store has done what was asked, and only its answer is lost. */
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly body: string;
      readonly headers?: Readonly<Record<string, string>>;
      readonly after?: boolean;
    }
  /** The connection ends after so many bytes of the answer's body. */
  | { readonly kind: 'cut'; readonly afterBytes: number }
  /** Nothing more comes after so many bytes of the answer's body, and nothing ends. */
  | { readonly kind: 'stall'; readonly afterBytes: number }
  /** No answer at all; `after`: the store has done what was asked. */
  | { readonly kind: 'silence'; readonly after?: boolean };

export interface S3ProxyOptions {
  /** The store behind it, which takes requests in path style. */
  readonly target: string;
  readonly targetKey: SigningKey;
  /** The key that clients must sign with. */
  readonly key: SigningKey;
  readonly rules: S3ProxyRules;
}

const MAX_XML_BYTES = 4 * 1024 * 1024;
/** Headers about one connection or one signature; the proxy makes its own. */
const OWN_HEADERS =
  /^(?:connection|authorization|host|keep-alive|expect|x-amz-(?:date|content-sha256|security-token)|amz-sdk-.*)$/;
const TAGS = /(<ETag>(?:"|&quot;|&#34;)?)([^"&<]+)/g;

/** Stands before a store, enforces what another service refuses, and signs anew what passes. */
export class S3Proxy {
  /** What has passed so far. */
  readonly traffic = { requests: [] as string[], bytesUp: 0, bytesDown: 0 };
  /** Asked for every request that the rules let pass. */
  fault: ((request: ProxiedRequest) => Fault | undefined) | undefined;
  readonly #options: S3ProxyOptions;
  readonly #server: Server;
  readonly #agent = new Agent({ keepAlive: false });
  readonly #parts = new PartSizes();

  private constructor(options: S3ProxyOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch(() => response.destroy());
    });
  }

  static async start(options: S3ProxyOptions): Promise<S3Proxy> {
    const proxy = new S3Proxy(options);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  /** Where clients send their requests; the name is not known to the system. */
  get endpoint(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `http://${this.#options.rules.host ?? '127.0.0.1'}:${port}`;
  }

  forget(): void {
    Object.assign(this.traffic, { requests: [], bytesUp: 0, bytesDown: 0 });
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    this.#agent.destroy();
    await once(this.#server, 'close');
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { rules, key } = this.#options;
    const url = new URL(request.url ?? '/', 'http://proxy');
    const parsed = this.#parse(request, url);
    if (parsed === undefined) return refuse(request, response, rules.pathStyle ?? NO_BUCKET);
    const [path = ''] = (request.url ?? '').split('?');
    const fault = signatureFault(
      { method: parsed.method, path, query: url.searchParams, headers: request.headers },
      key,
    );
    if (fault !== undefined) return refuse(request, response, { status: 403, code: fault });
    const refusal = refusalOf(parsed, rules);
    if (refusal !== undefined) return refuse(request, response, refusal);
    this.traffic.requests.push(`${parsed.method} ${[...parsed.query.keys()].sort().join(' ')}`.trim());
    await this.#forward(parsed, request, response);
  }

  #parse(request: IncomingMessage, url: URL): ProxiedRequest | undefined {
    const { host } = this.#options.rules;
    const name = (request.headers.host ?? '').replace(/:\d+$/, '');
    const decoded = decodeURIComponent(url.pathname).slice(1);
    const common = { method: request.method ?? '', query: url.searchParams, headers: request.headers };
    if (host === undefined) {
      const [bucket = '', ...rest] = decoded.split('/');
      return { ...common, bucket, key: rest.join('/') };
    }
    if (!name.endsWith(`.${host}`)) return undefined;
    return { ...common, bucket: name.slice(0, -host.length - 1), key: decoded };
  }

  async #forward(parsed: ProxiedRequest, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { rules } = this.#options;
    const fault = this.fault?.(parsed);
    if (fault?.kind === 'answer' && !fault.after) {
      return refuse(request, response, { ...fault, code: '' });
    }
    if (fault?.kind === 'silence' && !fault.after) return void request.resume();
    let body: Buffer | undefined;
    if (parsed.method === 'POST') {
      body = Buffer.from(revealTags((await textOf(request)).toString(), rules));
      if (parsed.query.has('uploadId')) {
        const refusal = this.#parts.check(parsed, body.toString(), rules.minPartBytes);
        if (refusal !== undefined) return refuse(request, response, refusal);
      }
    }
    if (parsed.method === 'PUT' && parsed.query.has('partNumber')) {
      await this.#parts.note(parsed, (bucket, key) => this.#sizeOf(bucket, key));
    }
    const answer = await this.#send(parsed, body ?? request, response);
    if (fault?.kind === 'answer') {
      answer.resume();
      return refuse(request, response, { ...fault, code: '' });
    }
    if (fault?.kind === 'silence') return void answer.resume();
    await this.#answer(parsed, answer, response, fault);
  }

  async #send(
    parsed: ProxiedRequest,
    body: Buffer | IncomingMessage | undefined,
    response: ServerResponse,
  ): Promise<IncomingMessage> {
    const { rules, target, targetKey } = this.#options;
    const query = new URLSearchParams([...parsed.query].filter(([name]) => !name.startsWith('X-Amz-')));
    query.delete('x-id');
    if (!rules.listsV2) query.delete('list-type');
    const path = `/${parsed.bucket}/${parsed.key.split('/').map(encodeURIComponent).join('/')}`;
    const origin = new URL(target);
    const headers: Record<string, string> = { host: origin.host };
    for (const [name, value] of Object.entries(parsed.headers)) {
      if (!OWN_HEADERS.test(name) && typeof value === 'string') headers[name] = value;
    }
    if (headers[rules.createOnly] !== undefined) {
      delete headers[rules.createOnly];
      headers['if-none-match'] = '*';
    }
    if (Buffer.isBuffer(body)) {
      headers['content-length'] = String(body.length);
      delete headers['content-md5'];
    }
    const outgoing = httpRequest({
      agent: this.#agent,
      host: origin.hostname,
      port: origin.port,
      method: parsed.method,
      path: query.size === 0 ? path : `${path}?${query}`,
      headers: signed({ method: parsed.method, path, query, headers }, targetKey, 'us-east-1'),
    });
    response.once('close', () => outgoing.destroy());
    const answered = once(outgoing, 'response') as Promise<[IncomingMessage]>;
    if (Buffer.isBuffer(body)) outgoing.end(body);
    else if (body === undefined) outgoing.end();
    else {
      body.on('data', (chunk: Buffer) => {
        this.traffic.bytesUp += chunk.length;
      });
      body.once('close', () => {
        if (!body.complete) outgoing.destroy();
      });
      body.pipe(outgoing);
    }
    const [answer] = await answered;
    return answer;
  }

  async #answer(
    parsed: ProxiedRequest,
    answer: IncomingMessage,
    response: ServerResponse,
    fault: Extract<Fault, { kind: 'cut' | 'stall' }> | undefined,
  ): Promise<void> {
    const { rules } = this.#options;
    const headers = { ...answer.headers };
    delete headers.connection;
    if (headers.etag !== undefined) headers.etag = disguiseTag(headers.etag, rules);
    const status = answer.statusCode ?? 500;
    const isObject = parsed.method === 'GET' && parsed.key !== '' && status < 300;
    if (!isObject) {
      const text = await textOf(answer);
      const body = Buffer.from(disguiseTags(text.toString(), rules));
      if (parsed.method !== 'HEAD') headers['content-length'] = String(body.length);
      delete headers['transfer-encoding'];
      response.writeHead(status, headers).end(body);
      return;
    }
    response.writeHead(status, headers);
    await pipeline(
      answer,
      async function* (this: void, chunks: AsyncIterable<Buffer>) {
        let sent = 0;
        for await (const chunk of chunks) {
          const left = fault === undefined ? chunk.length : Math.min(chunk.length, fault.afterBytes - sent);
          yield chunk.subarray(0, left);
          sent += left;
          if (left === chunk.length) continue;
          if (fault?.kind === 'stall') await once(response, 'close');
          throw new Error('cut');
        }
      },
      this.#counting(),
      response,
    );
  }

  #counting() {
    const { traffic } = this;
    return async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
      for await (const chunk of chunks) {
        traffic.bytesDown += chunk.length;
        yield chunk;
      }
    };
  }

  async #sizeOf(bucket: string, key: string): Promise<number> {
    const { target, targetKey } = this.#options;
    const path = `/${bucket}/${key}`;
    const origin = new URL(target);
    const parts = { method: 'HEAD', path, query: new URLSearchParams(), headers: { host: origin.host } };
    const headers = signed(parts, targetKey, 'us-east-1');
    const asking = httpRequest({
      agent: this.#agent,
      host: origin.hostname,
      port: origin.port,
      method: 'HEAD',
      path,
      headers,
    });
    asking.end();
    const [answer] = (await once(asking, 'response')) as [IncomingMessage];
    answer.resume();
    return Number(answer.headers['content-length'] ?? 0);
  }
}

const NO_BUCKET: Refusal = { status: 404, code: 'NoSuchBucket' };

function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  refusal: Refusal & { readonly body?: string; readonly headers?: Readonly<Record<string, string>> },
): void {
  request.resume();
  const body = refusal.body ?? `<?xml version="1.0"?><Error><Code>${refusal.code}</Code></Error>`;
  response.writeHead(refusal.status, { 'content-type': 'application/xml', ...refusal.headers });
  response.end(request.method === 'HEAD' ? undefined : body);
}

async function textOf(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.length;
    if (size > MAX_XML_BYTES) throw new Error('An answer is too long to be rewritten.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function disguiseTag(tag: string, rules: S3ProxyRules): string {
  return tag.replace(/[^"]+/, rules.disguise);
}

function disguiseTags(xml: string, rules: S3ProxyRules): string {
  return xml.replace(TAGS, (_all, start: string, tag: string) => start + rules.disguise(tag));
}

function revealTags(xml: string, rules: S3ProxyRules): string {
  return xml.replace(TAGS, (_all, start: string, tag: string) => start + rules.reveal(tag));
}
