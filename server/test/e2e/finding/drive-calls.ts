import type { TestPerson } from '../people.ts';

export interface EntryWire {
  readonly id: string;
  readonly name: string;
  readonly kind: string;
  readonly size?: number;
  readonly sha256?: string;
  readonly path?: readonly { readonly id: string; readonly name: string }[];
}

interface Wire {
  readonly state: string;
  readonly id: string;
  readonly nonce: string;
  readonly ranges: readonly { readonly offset: number; readonly length: number }[];
  readonly entry: EntryWire;
  readonly entries: readonly EntryWire[];
  readonly next: string | null;
  readonly usedBytes: number;
  readonly code: string;
}

export interface DriveAnswer {
  readonly status: number;
  readonly json: Wire & EntryWire;
  readonly bytes: Buffer;
}

/** Calls of somebody's drive over REST. */
export class DriveCalls {
  readonly #person: TestPerson;

  constructor(person: TestPerson) {
    this.#person = person;
  }

  async call(method: string, path: string, json?: object): Promise<DriveAnswer> {
    const {
      status,
      json: body,
      bytes,
    } = await this.#person.client.call(method, `/drive${path}`, json && { json });
    return { status, bytes, json: body as unknown as DriveAnswer['json'] };
  }

  async put(parentId: string, name: string, body: Buffer): Promise<EntryWire> {
    const path = `/drive/folders/${parentId}/files/${encodeURIComponent(name)}`;
    const { status, json, bytes } = await this.#person.client.call('PUT', path, { body });
    if (status !== 201) throw new Error(`put: ${status} ${bytes}`);
    return json as unknown as EntryWire;
  }

  async folder(parentId: string, name: string): Promise<EntryWire> {
    const { status, json, bytes } = await this.call('POST', '/folders', { parentId, name });
    if (status !== 201) throw new Error(`folder: ${status} ${bytes}`);
    return json;
  }
}
