import { afterAll, beforeAll, expect, test } from 'vitest';
import { storeName } from '#test/profiles/place.ts';
import { RestClient, random, times } from '../rest/client.ts';
import { type RunningService, startService } from '../service.ts';

let service: RunningService;
let client: RestClient;
beforeAll(async () => {
  service = await startService();
  client = new RestClient(service.url, service.apiKey);
});
afterAll(async () => {
  client?.close();
  await service?.close();
});

interface Metrics {
  readonly types: ReadonlyMap<string, string>;
  readonly samples: ReadonlyMap<string, number>;
}

const SAMPLE =
  /^([a-zA-Z_:][a-zA-Z0-9_:]*(?:\{[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"(?:,[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*")*\})?) (\S+)$/;

/** Reads the text form of Prometheus; throws at the first line that is not of it, at a sample without a type, and at one given twice. */
async function scrape(): Promise<Metrics> {
  const answer = await fetch(`${service.url}/metrics`);
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  const types = new Map<string, string>();
  const samples = new Map<string, number>();
  for (const line of (await answer.text()).split('\n')) {
    const type = /^# TYPE (\S+) (counter|gauge|histogram|summary)$/.exec(line);
    if (type !== null) types.set(type[1] ?? '', type[2] ?? '');
    if (line === '' || /^# (HELP|TYPE) \S+ /.test(line)) continue;
    const [, name = '', value = ''] = SAMPLE.exec(line) ?? [];
    const family = (name.split('{')[0] ?? '').replace(/_(bucket|sum|count)$/, '');
    const typed = types.has(family) || types.has(name.split('{')[0] ?? '');
    if (name === '' || !typed || samples.has(name)) throw new Error(`Not a sample: ${line}`);
    samples.set(name, value === '+Inf' ? Number.POSITIVE_INFINITY : Number(value));
    // The event loop's delay has no mean between two scrapes that follow at once.
    const unknown = name.startsWith('nodejs_') && /^nan$/i.test(value);
    if (Number.isNaN(samples.get(name)) && !unknown) throw new Error(`Not a number: ${line}`);
  }
  return { types, samples };
}

test('counts requests, bytes, storage calls and tasks, and its text can be parsed', async () => {
  const route = (method: string, path: string, status: number) =>
    `osproxy_http_requests_total{method="${method}",route="/api/v1${path}",status="${status}"}`;
  const puts = `osproxy_storage_operations_total{store="${storeName}",operation="put",outcome="ok"}`;
  // The mark that every store gets when the service starts.
  await expect.poll(async () => (await scrape()).samples.get(puts)).toBe(1);
  const before = (await scrape()).samples;
  const bytes = random(100_000);
  const files = await times(5, () => client.put('a.bin', bytes));
  for (const { uid } of files) await client.content(uid);
  await client.content(files[0]?.uid ?? '', { range: 'bytes=0-999' });
  for (const path of ['/files/1', '/files/2', '/files/1/content']) await client.call('GET', path);
  await new RestClient(service.url).call('GET', '/files');
  await client.call('BREW' as string, '/files').catch(() => undefined);
  const file = await client.putParts([bytes, bytes]);
  await client.settled(file.uid);
  await client.call('GET', `/${'x'.repeat(50)}-${Date.now()}`);

  await expect
    .poll(async () =>
      (await scrape()).samples.get('osproxy_task_attempts_total{type="compose",outcome="done"}'),
    )
    .toBe(1);
  const { samples, types } = await scrape();
  const grown = (name: string) => (samples.get(name) ?? 0) - (before.get(name) ?? 0);
  expect(grown(route('PUT', '/files/:name', 201))).toBe(5);
  expect(grown(route('GET', '/files/:uid/content', 200))).toBe(5);
  expect(grown(route('GET', '/files/:uid/content', 206))).toBe(1);
  expect(grown(route('GET', '/files/:uid/content', 404))).toBe(1);
  expect(grown(route('GET', '/files/:uid', 404))).toBe(2);
  expect(grown(route('GET', '/files', 401))).toBe(1);
  expect(grown(route('PUT', '/uploads/:uid/parts/:number', 200))).toBe(2);
  expect(grown('osproxy_transferred_bytes_total{direction="in"}')).toBe(7 * bytes.length);
  expect(grown('osproxy_transferred_bytes_total{direction="out"}')).toBe(5 * bytes.length + 1000);
  expect(samples.get('osproxy_open_transfers{direction="in"}')).toBe(0);
  expect(samples.get('osproxy_open_transfers{direction="out"}')).toBe(0);
  expect(grown(puts)).toBe(7);
  expect(samples.get('osproxy_tasks{type="compose",state="done"}')).toBe(1);
  expect(types.get('osproxy_http_request_seconds')).toBe('histogram');
  const counted = 'osproxy_http_request_seconds_count{method="PUT",route="/api/v1/files/:name"}';
  expect(grown(counted)).toBe(5);
  const whole = 'osproxy_http_request_seconds_bucket{le="+Inf",method="PUT",route="/api/v1/files/:name"}';
  expect(grown(whole)).toBe(5);
  expect(samples.get('process_resident_memory_bytes')).toBeGreaterThan(0);
  // Names of files, uids and unknown paths would make a new series each.
  const names = [...samples.keys()].join('\n');
  expect(names).not.toContain(file.uid);
  expect(names).not.toContain('xxx');
});
