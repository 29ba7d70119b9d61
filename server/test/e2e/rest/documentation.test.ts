import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RunningService, startService } from '../service.ts';
import { ACCOUNT_CALLS } from './account-calls.ts';
import { DRIVE_CALLS } from './drive-calls.ts';
import { FINDING_CALLS } from './finding-calls.ts';
import { IDENTITY_CALLS } from './identity-calls.ts';
import { SHARE_CALLS } from './share-calls.ts';

/** Of calls that people make. */
const CALLS_OF_PEOPLE: Readonly<Record<string, readonly string[]>> = {
  ...ACCOUNT_CALLS,
  ...DRIVE_CALLS,
  ...FINDING_CALLS,
  ...IDENTITY_CALLS,
  ...SHARE_CALLS,
};

interface Operation {
  readonly operationId?: string;
  readonly summary?: string;
  readonly tags?: readonly string[];
  readonly security?: readonly object[];
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required?: boolean;
    readonly description?: string;
  }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, unknown>> };
  readonly responses: Readonly<
    Record<string, { readonly description: string; readonly content?: Readonly<Record<string, unknown>> }>
  >;
}

interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, unknown>> };
}

let service: RunningService;
let openapi: OpenApi;
let operations: (readonly [string, Operation])[];

beforeAll(async () => {
  service = await startService();
  openapi = (await (await fetch(`${service.url}/openapi.json`)).json()) as OpenApi;
  operations = Object.entries(openapi.paths)
    .filter(([path]) => path.startsWith('/api/v1/'))
    .flatMap(([path, methods]) =>
      Object.entries(methods).map(
        ([method, operation]) => [`${method.toUpperCase()} ${path}`, operation] as const,
      ),
    );
});
afterAll(() => service?.close());

test('holds every call', () => {
  const calls = [
    ...Object.keys(CALLS_OF_PEOPLE),
    'DELETE /event-sinks/{name}/parked',
    'DELETE /files/{uid}',
    'DELETE /files/{uid}/links',
    'DELETE /files/{uid}/links/{id}',
    'DELETE /groups/{id}',
    'DELETE /keys/{id}',
    'DELETE /uploads/{uid}',
    'DELETE /uploads/{uid}/links',
    'DELETE /uploads/{uid}/links/{id}',
    'GET /audit',
    'GET /audit.csv',
    'GET /cluster',
    'GET /event-sinks',
    'GET /event-sinks/{name}/parked',
    'GET /events',
    'GET /files',
    'GET /files/{uid}',
    'GET /files/{uid}/content',
    'GET /files/{uid}/links',
    'GET /files/{uid}/thumbnail',
    'GET /held',
    'GET /groups',
    'GET /groups/{id}',
    'GET /keys',
    'GET /keys/{id}',
    'GET /moves',
    'GET /moves/{id}',
    'GET /scrub',
    'GET /stores',
    'GET /task-types',
    'GET /tasks',
    'GET /tasks/{id}',
    'GET /uploads/{uid}',
    'GET /uploads/{uid}/links',
    'GET /usage',
    'PATCH /files/{uid}',
    'PATCH /groups/{id}',
    'POST /event-sinks/{name}/disable',
    'POST /event-sinks/{name}/enable',
    'POST /event-sinks/{name}/redrive',
    'POST /files',
    'POST /files/{uid}/links',
    'POST /files/{uid}/reject',
    'POST /files/{uid}/release',
    'POST /groups',
    'POST /keys',
    'POST /keys/{id}/rotate',
    'POST /media/redrive',
    'POST /moves',
    'POST /moves/{id}/cancel',
    'POST /moves/{id}/pause',
    'POST /moves/{id}/resume',
    'POST /scrub',
    'POST /task-types/{type}/pause',
    'POST /task-types/{type}/resume',
    'POST /tasks',
    'POST /tasks/{id}/cancel',
    'POST /tasks/{id}/retry',
    'POST /uploads',
    'POST /uploads/{uid}/complete',
    'POST /uploads/{uid}/links',
    'PUT /files/{name}',
    'PUT /uploads/{uid}/content',
    'PUT /uploads/{uid}/parts/{number}',
  ];
  expect(operations.map(([name]) => name.replace('/api/v1', '')).sort()).toEqual(calls.sort());
});

test('says of each what it does, who may call it and how it may fail', () => {
  for (const [name, operation] of operations) {
    expect(operation.operationId, name).toMatch(/^[a-z][A-Za-z]+$/);
    expect(operation.summary, name).toMatch(/^[A-Z]/);
    expect(operation.tags, name).toHaveLength(1);
    expect(operation.security, name).toBeDefined();
    for (const status of ['400', '401', '403', '500', '503']) {
      expect(Object.keys(operation.responses[status]?.content ?? {}), `${name} ${status}`).toEqual([
        'application/problem+json',
      ]);
    }
    expect(
      Object.keys(operation.responses).some((status) => /^[23]/.test(status)),
      name,
    ).toBe(true);
  }
  const ids = operations.map(([, operation]) => operation.operationId);
  expect(new Set(ids).size).toBe(ids.length);
});

test('requires nothing that has a default', () => {
  for (const [name, operation] of operations) {
    for (const parameter of operation.parameters ?? []) {
      expect(parameter.required, `${name} ${parameter.name}`).toBe(parameter.in === 'path');
    }
    const body = operation.requestBody?.content['application/json'];
    const required = (body as { schema: { required?: string[] } } | undefined)?.schema.required ?? [];
    expect(required, name).toEqual(requiredIn(name));
  }
});

test('names headers, queries and bodies', () => {
  const find = (wanted: string) => operations.find(([name]) => name === wanted)?.[1];
  const names = (wanted: string) =>
    find(wanted)?.parameters?.map((parameter) => `${parameter.in} ${parameter.name}`);
  expect(names('PUT /api/v1/files/{name}')).toEqual(
    expect.arrayContaining([
      'path name',
      'header idempotency-key',
      'header content-digest',
      'header content-md5',
    ]),
  );
  expect(names('GET /api/v1/files')).toEqual(['query limit', 'query cursor', 'query prefix']);
  expect(names('GET /api/v1/files/{uid}/content')).toEqual(
    expect.arrayContaining(['query disposition', 'query name', 'header range']),
  );
  expect(Object.keys(find('PUT /api/v1/files/{name}')?.requestBody?.content ?? {})).toEqual(['*/*']);
  expect(Object.keys(find('POST /api/v1/files')?.requestBody?.content ?? {})).toEqual([
    'multipart/form-data',
  ]);
  for (const name of ['File', 'Upload', 'Part', 'Link', 'NewLink', 'Problem']) {
    expect(openapi.components.schemas).toHaveProperty(name);
  }
  expect(JSON.stringify(openapi)).not.toMatch(/manifest|blob|linkEpoch/i);
});

function requiredIn(name: string): readonly string[] {
  const ofPeople = CALLS_OF_PEOPLE[name.replace('/api/v1', '')];
  if (ofPeople !== undefined) return ofPeople;
  if (name.endsWith('POST /api/v1/moves')) return ['from', 'to'];
  if (name.endsWith('/reject')) return ['reason'];
  if (name.endsWith('POST /api/v1/keys')) return ['name', 'scopes'];
  if (name.endsWith('POST /api/v1/groups')) return ['name'];
  if (name.includes('PATCH /api/v1/groups')) return [];
  if (name.endsWith('POST /api/v1/tasks')) return ['type'];
  return /PATCH|POST .*\/uploads$/.test(name) ? ['name'] : [];
}
