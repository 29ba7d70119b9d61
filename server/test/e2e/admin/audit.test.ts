import { afterAll, beforeAll, expect, test } from 'vitest';
import { createKey, RestClient } from '../rest/client.ts';
import { API_KEY, type RunningService, startService } from '../service.ts';
import { auditOf, csvRows, type Entry } from './audit-client.ts';

let service: RunningService;
let admin: RestClient;

beforeAll(async () => {
  service = await startService();
  admin = new RestClient(service.url, API_KEY);
});
afterAll(async () => {
  admin.close();
  await service.close();
});

test('says who revoked a link of what, from where, once', async () => {
  const { uid } = await admin.put('a.txt', 'a');
  const link = await admin.call('POST', `/files/${uid}/links`, { json: {} });
  const headers = { 'user-agent': 'Tester/1.0', 'x-request-id': 'my-request' };
  for (let turn = 0; turn < 2; turn += 1)
    await admin.call('DELETE', `/files/${uid}/links/${link.json.id}`, { headers });
  const { entries } = await auditOf(admin, `?subject=${uid}`);
  expect(entries).toEqual([
    {
      id: expect.stringMatching(/^\d+$/),
      at: expect.stringMatching(/Z$/),
      actor: { kind: 'service', id: 'configured', name: 'configured' },
      action: 'link.revoked',
      subject: { kind: 'file', id: uid },
      outcome: 'ok',
      ...{ address: '127.0.0.1', userAgent: 'Tester/1.0', requestId: 'my-request' },
      detail: { scope: 'read', link: link.json.id, owner: 'default' },
    } satisfies Entry,
  ]);
  await admin.call('DELETE', `/files/${uid}/links`, { headers });
  const all = await auditOf(admin, `?subject=${uid}&action=link.*`);
  expect(all.entries.map(({ detail }) => detail.all)).toEqual([true, undefined]);
});

test('has an entry for each of many changes at once, and none for those that changed nothing', async () => {
  const { uid } = await admin.put('b.txt', 'b');
  const made = await Promise.all(
    Array.from({ length: 8 }, () => admin.call('POST', `/files/${uid}/links`, { json: {} })),
  );
  const revoke = (id: string) => admin.call('DELETE', `/files/${uid}/links/${id}`);
  await Promise.all(made.flatMap(({ json }) => [revoke(json.id), revoke(json.id), revoke(json.id)]));
  const { entries } = await auditOf(admin, `?subject=${uid}`);
  expect(new Set(entries.map(({ detail }) => detail.link))).toEqual(new Set(made.map(({ json }) => json.id)));
  expect(entries).toHaveLength(8);
});

test('is read in pages, newest first, and filtered', async () => {
  const from = new Date().toISOString();
  const uids: string[] = [];
  for (let i = 0; i < 5; i += 1) {
    const { uid } = await admin.put('c.txt', 'c');
    await admin.call('DELETE', `/files/${uid}/links`);
    uids.unshift(uid);
  }
  const seen: unknown[] = [];
  let cursor = '';
  do {
    const page = await auditOf(admin, `?limit=2&from=${from}&actor=configured&address=127.0.0.1${cursor}`);
    seen.push(...page.entries.map(({ subject }) => subject.id));
    cursor = page.next === null ? '' : `&cursor=${page.next}`;
  } while (cursor !== '');
  expect(seen).toEqual(uids);
  expect((await auditOf(admin, '?actor=nobody')).entries).toEqual([]);
  expect((await auditOf(admin, '?address=10.9.9.9')).entries).toEqual([]);
  expect((await auditOf(admin, `?to=2001-01-01`)).entries).toEqual([]);
});

test.each([
  'action=link.forged',
  'action=*',
  'from=yesterday',
  'to=2026-13-45',
  'cursor=nonsense',
  'limit=0',
  'limit=1001',
  'actor=',
])('refuses %s', async (query) => {
  expect((await admin.call('GET', `/audit?${query}`)).status).toBe(400);
  if (!/cursor|limit/.test(query)) expect((await admin.call('GET', `/audit.csv?${query}`)).status).toBe(400);
});

test('is exported as CSV that no spreadsheet computes', async () => {
  const { uid } = await admin.put('=1+1.txt', 'd');
  const headers = { 'user-agent': '=HYPERLINK("http://evil","click")' };
  await admin.call('DELETE', `/files/${uid}/links`, { headers });
  const answer = await admin.call('GET', `/audit.csv?subject=${uid}`);
  expect(answer.status).toBe(200);
  expect(answer.headers['content-type']).toBe('text/csv; charset=utf-8');
  expect(answer.headers['content-disposition']).toBe('attachment; filename="audit.csv"');
  const [head, row, ...rest] = csvRows(answer.bytes.toString());
  expect(rest).toEqual([]);
  expect(head?.[9]).toBe('user_agent');
  expect(row?.[9]).toBe(`'=HYPERLINK("http://evil","click")`);
  const whole = csvRows((await admin.call('GET', '/audit.csv')).bytes.toString());
  expect(whole.length).toBeGreaterThan(10);
  expect(whole.every((cells) => cells.length === 12)).toBe(true);
  const none = await admin.call('GET', '/audit.csv?actor=nobody');
  expect(csvRows(none.bytes.toString())).toHaveLength(1);
});

test('is for administrators alone', async () => {
  const other = new RestClient(service.url, await createKey(service, 'default', 'read,write,delete,links'));
  for (const path of ['/audit', '/audit.csv']) {
    expect((await other.call('GET', path)).status).toBe(403);
    expect((await new RestClient(service.url).call('GET', path)).status).toBe(401);
  }
  other.close();
});
