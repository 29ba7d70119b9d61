import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { RunningService } from '../service.ts';

const MAIN = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  readonly json: Wire;
}

/** Every field that some answer has; an answer has those of its own shape only. */
export interface Wire {
  readonly uid: string;
  readonly state: string;
  readonly name: string;
  readonly contentType: string;
  readonly size: number;
  readonly verified: boolean;
  readonly sha256: string;
  readonly rejectedReason: string;
  readonly parts: readonly Wire[];
  readonly file: Wire;
  readonly files: readonly Wire[];
  readonly next: string | null;
  readonly id: string;
  readonly token: string;
  readonly url: string;
  readonly expiresAt: string;
  readonly links: readonly Wire[];
  readonly status: number;
  readonly code: string;
  readonly retryable: boolean;
  readonly detail: string;
  readonly details: Readonly<Record<string, unknown>>;
}

export interface CallOptions {
  readonly headers?: Readonly<Record<string, string | string[]>>;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Bytes with Content-Length, or a stream that is sent in chunks. */
  readonly body?: string | Buffer | AsyncIterable<Buffer>;
}

/** Speaks to the REST interface over real sockets; paths go out exactly as given. */
export class RestClient {
  readonly #url: string;
  readonly #credentials: Readonly<Record<string, string>>;
  /** Leaves an unused connection before the service does, which would meet a request on its way. */
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 32, timeout: 5000 });

  /** Without a key it shows nothing. */
  constructor(url: string, key?: string) {
    this.#url = url;
    this.#credentials = key === undefined ? {} : { authorization: `Bearer ${key}` };
  }

  /** `path` below /api/v1, or from the root when it begins with "/api". */
  call(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
    const { hostname, port } = new URL(this.#url);
    const bytes = bodyOf(options);
    const headers: Record<string, string | string[]> = { ...this.#credentials, ...options.headers };
    if (options.json !== undefined) headers['content-type'] ??= 'application/json';
    const counted = typeof bytes === 'string' || Buffer.isBuffer(bytes);
    if (counted) headers['content-length'] = String(Buffer.byteLength(bytes));
    return new Promise((resolve, reject) => {
      const full = path.startsWith('/api') ? path : `/api/v1${path}`;
      const outgoing = request(
        { hostname, port, method, path: full, headers, agent: this.#agent },
        (incoming) => {
          const chunks: Buffer[] = [];
          incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
          incoming.on('error', reject);
          incoming.on('end', () => {
            const all = Buffer.concat(chunks);
            const type = incoming.headers['content-type'] ?? '';
            const isJson = /^application\/(problem\+)?json/.test(type) && all.length > 0;
            resolve({
              status: incoming.statusCode ?? 0,
              headers: incoming.headers,
              bytes: all,
              json: (isJson ? JSON.parse(all.toString()) : {}) as Wire,
            });
          });
        },
      );
      outgoing.on('error', reject);
      if (counted || bytes === undefined) outgoing.end(bytes);
      else pipeline(Readable.from(bytes), outgoing).catch(reject);
    });
  }

  close(): void {
    this.#agent.destroy();
  }

  async open(wanted: Record<string, unknown> = { name: 'a.bin' }): Promise<string> {
    const created = await this.call('POST', '/uploads', { json: wanted });
    if (created.status !== 201) throw new Error(`create: ${created.status} ${created.bytes}`);
    return created.json.uid;
  }

  part(uid: string, number: number | string, body: string | Buffer, headers = {}): Promise<Answer> {
    return this.call('PUT', `/uploads/${uid}/parts/${number}`, { body, headers });
  }

  complete(uid: string, json?: object): Promise<Answer> {
    return this.call('POST', `/uploads/${uid}/complete`, json === undefined ? {} : { json });
  }

  /** A file in one request; resolves with its body. */
  async put(name: string, body: string | Buffer, headers = {}) {
    const stored = await this.call('PUT', `/files/${encodeURIComponent(name)}`, { body, headers });
    if (stored.status !== 201) throw new Error(`put: ${stored.status} ${stored.bytes}`);
    return stored.json;
  }

  /** A file of the given parts, completed. */
  async putParts(parts: readonly Buffer[], wanted: Record<string, unknown> = { name: 'a.bin' }) {
    const uid = await this.open(wanted);
    await Promise.all(parts.map((part, index) => this.part(uid, index + 1, part)));
    const done = await this.complete(uid);
    if (done.status !== 200) throw new Error(`complete: ${done.status} ${done.bytes}`);
    return done.json;
  }

  content(uid: string, headers = {}, query = ''): Promise<Answer> {
    return this.call('GET', `/files/${uid}/content${query}`, { headers });
  }

  /** Waits until the background has verified the file, one way or the other. */
  async settled(uid: string) {
    for (let attempt = 0; attempt < 400; attempt += 1) {
      const { json } = await this.call('GET', `/files/${uid}`);
      if (json.verified || json.state === 'rejected') return json;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    throw new Error(`File ${uid} was not verified within 10 s.`);
  }
}

function bodyOf(options: CallOptions): CallOptions['body'] {
  return options.json === undefined ? options.body : JSON.stringify(options.json);
}

/** Another service key, made by the command while the service runs. */
export async function createKey(service: RunningService, owner: string, scopes: string): Promise<string> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [MAIN, 'keys', 'create', '--name', 'test', '--owner', owner, '--scopes', scopes, '--json'],
    { env: { PATH: process.env.PATH, ...service.place }, cwd: service.dataDir },
  );
  return JSON.parse(stdout).secret;
}

export function times<T>(count: number, work: (index: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => work(index)));
}

export function hex(algorithm: 'md5' | 'sha256', bytes: string | Buffer): string {
  return createHash(algorithm).update(bytes).digest('hex');
}

export function base64(algorithm: 'md5' | 'sha256' | 'sha512', bytes: string | Buffer): string {
  return createHash(algorithm).update(bytes).digest('base64');
}

export function random(size: number): Buffer {
  return randomBytes(size);
}
