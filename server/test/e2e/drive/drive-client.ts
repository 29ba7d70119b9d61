import type { TestPerson } from '../people.ts';
import type { Answer } from '../rest/client.ts';

export interface EntryWire {
  readonly id: string;
  readonly kind: 'folder' | 'file';
  readonly name: string;
  readonly parentId: string;
  readonly size: number;
  readonly version: number;
  readonly state: string;
  readonly contentType: string;
  readonly sha256: string;
  readonly starredAt: string;
  readonly trashedFrom: string;
  readonly path: readonly { readonly id: string; readonly name: string }[];
}

export interface DriveWire {
  readonly rootId: string;
  readonly usedBytes: number;
  readonly reservedBytes: number;
  readonly quotaBytes: number;
  readonly files: number;
}

export interface TaskWire {
  readonly id: string;
  readonly kind: string;
  readonly state: string;
  readonly error: string;
  readonly entryId: string;
  readonly done: number;
  readonly total: number;
  readonly endedAt: string;
}

/** What a person does with the own drive; each call throws unless it succeeds, but `call`. */
export class DriveClient {
  readonly person: TestPerson;

  constructor(person: TestPerson) {
    this.person = person;
  }

  call(method: string, path: string, json?: object, headers = {}): Promise<Answer> {
    return this.person.client.call(
      method,
      `/drive${path}`,
      json === undefined ? { headers } : { json, headers },
    );
  }

  async ok<T>(method: string, path: string, json?: object): Promise<T> {
    const answer = await this.call(method, path, json);
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.bytes}`);
    return answer.json as unknown as T;
  }

  drive(): Promise<DriveWire> {
    return this.ok('GET', '');
  }

  folder(parentId: string, name: string, conflict = 'fail'): Promise<EntryWire> {
    return this.ok('POST', '/folders', { parentId, name, conflict });
  }

  put(parentId: string, name: string, body: string | Buffer, conflict = 'fail'): Promise<Answer> {
    const path = `/drive/folders/${parentId}/files/${encodeURIComponent(name)}?conflict=${conflict}`;
    return this.person.client.call('PUT', path, { body });
  }

  async file(parentId: string, name: string, body: string | Buffer, conflict = 'fail'): Promise<EntryWire> {
    const answer = await this.put(parentId, name, body, conflict);
    if (answer.status !== 201) throw new Error(`put ${name}: ${answer.status} ${answer.bytes}`);
    return answer.json as unknown as EntryWire;
  }

  async begin(wanted: object): Promise<string> {
    return (await this.ok<{ uid: string }>('POST', '/uploads', { parentId: 'root', ...wanted })).uid;
  }

  async list(folderId = 'root', query = ''): Promise<readonly EntryWire[]> {
    const path = `/folders/${folderId}/entries${query}`;
    return (await this.ok<{ entries: EntryWire[] }>('GET', path)).entries;
  }

  async names(folderId = 'root', query = ''): Promise<readonly string[]> {
    return (await this.list(folderId, query)).map(({ name }) => name);
  }

  get(id: string): Promise<EntryWire> {
    return this.ok('GET', `/entries/${id}`);
  }

  content(id: string, headers = {}, query = ''): Promise<Answer> {
    return this.call('GET', `/entries/${id}/content${query}`, undefined, headers);
  }

  change(id: string, json: object): Promise<EntryWire> {
    return this.ok('PATCH', `/entries/${id}`, json);
  }

  async trash(id: string): Promise<void> {
    await this.ok('DELETE', `/entries/${id}`);
  }

  async trashed(): Promise<readonly EntryWire[]> {
    return (await this.ok<{ entries: EntryWire[] }>('GET', '/trash')).entries;
  }

  /** Waits until a task has no work left. */
  async ended(id: string, withinMs = 60_000): Promise<TaskWire> {
    const until = Date.now() + withinMs;
    for (;;) {
      const task = await this.ok<TaskWire>('GET', `/tasks/${id}`);
      if (task.endedAt !== undefined) return task;
      if (Date.now() > until) throw new Error(`task ${id} did not end: ${JSON.stringify(task)}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
