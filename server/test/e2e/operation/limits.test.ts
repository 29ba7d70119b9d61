import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Answer, RestClient } from '../rest/client.ts';
import { type RunningService, startService } from '../service.ts';

const KIBIBYTE = 1024;

describe('limits as they are set', () => {
  let service: RunningService;
  let client: RestClient;
  beforeAll(async () => {
    service = await startService({
      env: {
        OSPROXY_HTTP_HEADER_LIMIT_KIB: '8',
        OSPROXY_HTTP_JSON_BODY_LIMIT_KIB: '2',
        OSPROXY_UPLOADS_PART_SIZE_MIB: '1',
        OSPROXY_UPLOADS_MAX_PART_SIZE_MIB: '1',
        OSPROXY_UPLOADS_MAX_FILE_SIZE_MIB: '1',
        OSPROXY_HTTP_DOCS: 'false',
      },
    });
    client = new RestClient(service.url, service.apiKey);
  });
  afterAll(async () => {
    client?.close();
    await service?.close();
  });

  const problem = ({ status, json, headers }: Answer) => [status, json.code, headers['content-type']];
  const TYPE = 'application/problem+json; charset=utf-8';

  test('431 for headers that are too large', async () => {
    const call = (size: number) => client.call('GET', '/files', { headers: { 'x-large': 'x'.repeat(size) } });
    expect((await call(6 * KIBIBYTE)).status).toBe(200);
    expect(problem(await call(9 * KIBIBYTE))).toEqual([431, 'TooLarge', TYPE]);
  });

  test('414 for a name that does not fit into the path', async () => {
    const put = (length: number) => client.call('PUT', `/files/${'n'.repeat(length)}`, { body: 'x' });
    expect((await put(1024)).status).toBe(201);
    expect(problem(await put(1025))).toEqual([414, 'InvalidArgument', TYPE]);
  });

  test('413 for a JSON document that is too large, and for content that is', async () => {
    const json = (length: number) => ({ json: { name: 'n'.repeat(length) } });
    expect((await client.call('POST', '/uploads', json(1900))).status).toBe(201);
    expect(problem(await client.call('POST', '/uploads', json(2048)))).toEqual([413, 'TooLarge', TYPE]);
    const bytes = (length: number) => ({ body: Buffer.alloc(length) });
    expect((await client.call('PUT', '/files/a', bytes(KIBIBYTE * KIBIBYTE))).status).toBe(201);
    expect(problem(await client.call('PUT', '/files/a', bytes(KIBIBYTE * KIBIBYTE + 1)))).toEqual([
      413,
      'TooLarge',
      TYPE,
    ]);
  });

  test('no page and no document where http.docs is off', async () => {
    for (const path of ['/docs', '/docs/', '/openapi.json', '/docs/json']) {
      expect([path, (await fetch(service.url + path)).status]).toEqual([path, 404]);
    }
  });
});

test('414 for a URL of more than 8 KiB where headers may be larger', async () => {
  const service = await startService();
  try {
    const get = async (length: number) =>
      (await fetch(`${service.url}/healthz?${'x'.repeat(length)}`)).status;
    expect([await get(8000), await get(8200)]).toEqual([200, 414]);
  } finally {
    await service.close();
  }
});

describe('http.corsOrigins', () => {
  const origin = 'https://app.example';
  const asked = async (service: RunningService, from: string, init: RequestInit = {}) => {
    const answer = await fetch(`${service.url}/api/v1/files/1`, {
      ...init,
      headers: { origin: from, ...init.headers },
    });
    await answer.arrayBuffer();
    return answer;
  };
  const preflight = {
    method: 'OPTIONS',
    headers: {
      'access-control-request-method': 'DELETE',
      'access-control-request-headers': 'authorization,content-md5',
    },
  };

  test('names nobody when empty', async () => {
    const service = await startService();
    try {
      const answer = await asked(service, origin);
      expect([...answer.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
      expect((await asked(service, origin, preflight)).headers.get('access-control-allow-origin')).toBeNull();
    } finally {
      await service.close();
    }
  });

  test('names the origins that are listed and no other, failures included', async () => {
    const service = await startService({
      env: { OSPROXY_HTTP_CORS_ORIGINS: `${origin},https://other.example` },
    });
    try {
      const allowed = await asked(service, origin);
      expect([allowed.status, allowed.headers.get('access-control-allow-origin')]).toEqual([401, origin]);
      expect(allowed.headers.get('vary')).toContain('Origin');
      expect(allowed.headers.get('access-control-allow-credentials')).toBeNull();
      const exposed = allowed.headers.get('access-control-expose-headers')?.toLowerCase() ?? '';
      for (const name of ['etag', 'content-range', 'content-disposition', 'x-request-id', 'location']) {
        expect(exposed).toContain(name);
      }
      const before = await asked(service, origin, preflight);
      expect(before.status).toBe(204);
      expect(before.headers.get('access-control-allow-methods')).toContain('DELETE');
      expect(before.headers.get('access-control-allow-headers')).toContain('authorization');
      for (const from of ['https://app.example.evil.example', 'http://app.example', 'null']) {
        expect((await asked(service, from)).headers.get('access-control-allow-origin')).not.toBe(from);
      }
    } finally {
      await service.close();
    }
  });

  test('names everybody with "*"', async () => {
    const service = await startService({ env: { OSPROXY_HTTP_CORS_ORIGINS: '*' } });
    try {
      expect((await asked(service, origin)).headers.get('access-control-allow-origin')).toBe('*');
    } finally {
      await service.close();
    }
  });
});
