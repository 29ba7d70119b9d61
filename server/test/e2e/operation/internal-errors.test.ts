import { afterAll, beforeAll, expect, test } from 'vitest';
import { RestClient } from '../rest/client.ts';
import { type RunningService, startService } from '../service.ts';

let service: RunningService;
let client: RestClient;
beforeAll(async () => {
  const hook = new URL('./break-routes.ts', import.meta.url).href;
  service = await startService({ env: { NODE_OPTIONS: `--import ${hook}` } });
  client = new RestClient(service.url, service.apiKey);
});
afterAll(async () => {
  client?.close();
  await service?.close();
});

const sentence = (id: string) =>
  `Something went wrong inside the service; quote request id ${id} when you report it.`;

test.each(['error', 'text', 'late'])(
  'what nobody expected (%s) is 500 with a request id and nothing else',
  async (how) => {
    const headers = { 'x-test-throw': how, 'x-request-id': `broken-${how}` };
    const answer = await client.call('GET', '/files', { headers });
    expect(answer.status).toBe(500);
    expect(answer.headers['x-request-id']).toBe(`broken-${how}`);
    expect(answer.bytes.toString()).not.toMatch(/secret|node_modules|\.ts/);
    expect(answer.json).toEqual({
      type: 'about:blank',
      title: 'Internal Server Error',
      status: 500,
      detail: sentence(`broken-${how}`),
      code: 'Internal',
      retryable: false,
      requestId: `broken-${how}`,
    });
    const told = () => service.lines.filter((line) => line.includes(`"requestId":"broken-${how}"`));
    await expect
      .poll(() => told().some((line) => line.includes('"level":"error"') && line.includes('secret-detail')))
      .toBe(true);
    await expect.poll(() => told().some((line) => line.includes('"status":500'))).toBe(true);
  },
);

test('the v0 wire says the same in its own form', async () => {
  const headers = { 'x-test-throw': 'error', 'x-request-id': 'broken-v0' };
  const answer = await client.call('GET', '/api/storage/v0/health', { headers });
  expect([answer.status, JSON.parse(answer.bytes.toString())]).toEqual([
    500,
    { code: 500, message: sentence('broken-v0'), data: '' },
  ]);
});

test('the service goes on afterwards', async () => {
  expect((await client.put('a.txt', 'still here')).size).toBe(10);
});
