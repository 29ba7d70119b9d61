import { createHash } from 'node:crypto';
import type { TestPerson } from '../people.ts';
import type { RunningService } from '../service.ts';

export interface Record {
  readonly fileHash: string;
  readonly fileName: string;
  readonly fileSize: number;
  readonly sha256: string;
  readonly uploadAt: string;
  readonly lastUpdated: string;
}

export interface Parts {
  readonly uploadId: string;
  readonly chunkSize: number;
  readonly chunkCount: number;
  readonly fileHash: string;
  readonly fileSize: number;
  readonly uploaded: readonly number[];
}

export interface Answer<T> {
  readonly status: number;
  readonly code: number;
  readonly msg: string;
  readonly data: T;
}

export const sha1 = (bytes: Buffer): string => createHash('sha1').update(bytes).digest('hex');

/** Speaks the filestore wire as somebody, or as nobody. */
export class FilestoreClient {
  readonly #url: string;
  readonly #headers: Readonly<{ [name: string]: string }>;

  constructor(service: Pick<RunningService, 'url'>, person?: Pick<TestPerson, 'accessToken'>) {
    this.#url = service.url;
    this.#headers = person === undefined ? {} : { authorization: `Bearer ${person.accessToken}` };
  }

  async get<T = unknown>(path: string, query: object | string[][] = {}): Promise<Answer<T>> {
    const fields = Array.isArray(query) ? query : { ...query };
    return this.#answer(`${path}?${new URLSearchParams(fields)}`, {});
  }

  /** Fields as a form, which is what curl sends. */
  async post<T = unknown>(path: string, fields: object = {}): Promise<Answer<T>> {
    return this.#answer(path, { method: 'POST', body: new URLSearchParams({ ...fields }) });
  }

  async postJson<T = unknown>(path: string, json: object): Promise<Answer<T>> {
    const headers = { 'content-type': 'application/json' };
    return this.#answer(path, { method: 'POST', body: JSON.stringify(json), headers });
  }

  async upload(name: string, bytes: Buffer): Promise<Answer<Record>> {
    const body = new FormData();
    body.append('file', new Blob([new Uint8Array(bytes)]), name);
    return this.#answer('/file/upload', { method: 'POST', body });
  }

  async part(uploadid: string, index: number, bytes: Buffer): Promise<Answer<null>> {
    const query = new URLSearchParams({ uploadid, index: String(index) });
    const body = new Uint8Array(bytes);
    return this.#answer(`/file/mpupload/uppart?${query}`, { method: 'POST', body });
  }

  download(filehash: string, headers: { readonly [name: string]: string } = {}): Promise<Response> {
    return fetch(`${this.#url}/file/download?${new URLSearchParams({ filehash })}`, {
      headers: { ...this.#headers, ...headers },
    });
  }

  async #answer<T>(path: string, init: RequestInit): Promise<Answer<T>> {
    const headers = { ...this.#headers, ...(init.headers as object) };
    const response = await fetch(`${this.#url}${path}`, { ...init, headers, redirect: 'manual' });
    const text = await response.text();
    return { ...JSON.parse(text), status: response.status };
  }
}
