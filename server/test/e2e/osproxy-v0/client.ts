import { createHash } from 'node:crypto';
import { expect } from 'vitest';

export const BASE = '/api/storage/v0';
const PART_BYTES = 1024 * 1024;
const AT_ONCE = 5;

export interface Answer<T = unknown> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: { code: number; message: string; data: T };
}

export interface UploadLink {
  readonly uid: string;
  readonly path: string;
  readonly url: { single: string; multi: { upload: string; merge: string } };
}

export interface DownloadLink {
  readonly uid: string;
  readonly url: string;
  readonly meta: {
    srcName: string;
    dstName: string;
    height: number;
    width: number;
    md5: string;
    size: string;
  };
}

export type Parameters = Readonly<Record<string, string>>;

const UPLOAD_FIELDS = ['uid', 'date', 'expire', 'signature'];
const DOWNLOAD_FIELDS = ['uid', 'name', 'date', 'expire', 'bucket', 'object', 'signature'];

export function md5Of(bytes: Uint8Array): string {
  return createHash('md5').update(bytes).digest('hex');
}

/** Different content for every seed, the same for equal ones. */
export function content(size: number, seed: string): Buffer {
  const bytes = Buffer.alloc(size);
  let block = createHash('sha256').update(seed).digest();
  for (let at = 0; at < size; at += block.length) {
    block.copy(bytes, at);
    if (at % 65_536 === 0) block = createHash('sha256').update(block).digest();
  }
  return bytes;
}

/** Only these parameters survive: the query is built again from them. */
export function uploadParameters(link: string): Record<string, string> {
  return pick(link, UPLOAD_FIELDS);
}

export function downloadParameters(link: string): Record<string, string> {
  return pick(link, DOWNLOAD_FIELDS);
}

function pick(link: string, fields: readonly string[]): Record<string, string> {
  const { searchParams } = new URL(link, 'http://host');
  return Object.fromEntries(fields.map((field) => [field, searchParams.get(field) ?? '']));
}

/** A client as those in the field are: it copies the parameters it knows out of a link and adds its own. */
export class Client {
  readonly url: string;
  readonly #key: string | undefined;

  constructor(url: string, key?: string) {
    this.url = url;
    this.#key = key;
  }

  async call<T = unknown>(method: string, path: string, init: RequestInit = {}): Promise<Answer<T>> {
    const response = await fetch(`${this.url}${BASE}${path}`, { ...init, method });
    expect(response.headers.get('content-type')).toMatch(/^application\/json/);
    return {
      status: response.status,
      headers: response.headers,
      body: (await response.json()) as Answer<T>['body'],
    };
  }

  post<T = unknown>(path: string, body: unknown): Promise<Answer<T>> {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const headers = { 'content-type': 'application/json', ...this.#credentials() };
    return this.call<T>('POST', path, { body: text, headers });
  }

  get<T = unknown>(path: string, parameters: Parameters = {}): Promise<Answer<T>> {
    const query = new URLSearchParams(parameters).toString();
    return this.call<T>('GET', `${path}${query === '' ? '' : `?${query}`}`, { headers: this.#credentials() });
  }

  async uploadLinks(filePath: readonly string[], expire?: number): Promise<UploadLink[]> {
    const body = { filePath, ...(expire === undefined ? {} : { expire }) };
    return dataOf(await this.post<UploadLink[]>('/link/upload', body));
  }

  async uploadLink(path: string, expire?: number): Promise<UploadLink> {
    const [link] = await this.uploadLinks([path], expire);
    if (link === undefined) throw new Error('No link came back.');
    return link;
  }

  async downloadLink(uid: string, expire = 600): Promise<DownloadLink> {
    const [link] = dataOf(await this.post<DownloadLink[]>('/link/download', { uid: [uid], expire }));
    if (link === undefined) throw new Error('No link came back.');
    return link;
  }

  /** PUTs a form with the bytes; `more` overrides what is taken from the link. */
  putFile(path: string, parameters: Parameters, bytes: Uint8Array): Promise<Answer> {
    const form = new FormData();
    form.append('file', new Blob([Uint8Array.from(bytes)]), 'blob');
    return this.call('PUT', `${path}?${new URLSearchParams(parameters)}`, { body: form });
  }

  single(link: UploadLink, bytes: Uint8Array, more: Parameters = {}): Promise<Answer> {
    const parameters = { ...uploadParameters(link.url.single), md5: md5Of(bytes), ...more };
    return this.putFile('/upload', parameters, bytes);
  }

  part(link: UploadLink, number: number, bytes: Uint8Array, more: Parameters = {}): Promise<Answer> {
    const own = { md5: md5Of(bytes), chunkNum: String(number) };
    return this.putFile(
      '/upload/multi',
      { ...uploadParameters(link.url.multi.upload), ...own, ...more },
      bytes,
    );
  }

  merge(link: UploadLink, bytes: Uint8Array, num: number, more: Parameters = {}): Promise<Answer> {
    const own = { md5: md5Of(bytes), num: String(num), size: String(bytes.length) };
    const parameters = { ...uploadParameters(link.url.multi.merge), ...own, ...more };
    return this.call('PUT', `/upload/merge?${new URLSearchParams(parameters)}`);
  }

  /** Parts of 1 MiB, five at a time; those in `stored` are left out. Returns how many parts there are. */
  async sendParts(link: UploadLink, bytes: Uint8Array, stored: readonly number[] = []): Promise<number> {
    const count = Math.ceil(bytes.length / PART_BYTES);
    const waiting = Array.from({ length: count }, (_, index) => index + 1).filter((n) => !stored.includes(n));
    const lane = async () => {
      for (let number = waiting.shift(); number !== undefined; number = waiting.shift()) {
        const part = bytes.subarray((number - 1) * PART_BYTES, number * PART_BYTES);
        succeeded(await this.part(link, number, part));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, lane));
    return count;
  }

  async uploadMulti(link: UploadLink, bytes: Uint8Array): Promise<void> {
    succeeded(await this.merge(link, bytes, await this.sendParts(link, bytes)));
  }

  /** The way every client chooses: in one go below 1 MiB, in parts from there on. */
  async upload(path: string, bytes: Uint8Array): Promise<string> {
    const link = await this.uploadLink(path);
    if (bytes.length < PART_BYTES) succeeded(await this.single(link, bytes));
    else await this.uploadMulti(link, bytes);
    return link.uid;
  }

  download(link: DownloadLink, init: RequestInit = {}, more: Parameters = {}): Promise<Response> {
    const query = new URLSearchParams({ ...downloadParameters(link.url), ...more });
    return fetch(`${this.url}${BASE}/download?${query}`, init);
  }

  async bytesOf(uid: string): Promise<Buffer> {
    const response = await this.download(await this.downloadLink(uid));
    expect(response.status).toBe(200);
    return Buffer.from(await response.arrayBuffer());
  }

  #credentials(): Record<string, string> {
    return this.#key === undefined ? {} : { authorization: `Bearer ${this.#key}` };
  }
}

export function succeeded(answer: Answer): void {
  expect(answer.body).toEqual({ code: 0, message: 'ok', data: '' });
  expect(answer.status).toBe(200);
}

export function dataOf<T>(answer: Answer<T>): T {
  expect(answer.body).toMatchObject({ code: 0, message: 'ok' });
  expect(answer.status).toBe(200);
  return answer.body.data;
}

/** The failure has this status, in the one form of this wire, and a message that fits. */
export function failed(answer: Answer, status: number, message: RegExp = /\w/): void {
  expect(answer.body).toEqual({ code: status, message: expect.stringMatching(message), data: '' });
  expect(answer.status).toBe(status);
}

export async function failedDownload(
  response: Response,
  status: number,
  message: RegExp = /\w/,
): Promise<void> {
  expect(response.headers.get('content-type')).toMatch(/^application\/json/);
  const body = (await response.json()) as Answer['body'];
  failed({ status: response.status, headers: response.headers, body }, status, message);
}
