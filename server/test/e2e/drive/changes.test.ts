import { get } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signIn, signUp, type TestPerson } from '../people.ts';
import { type RunningService, startService } from '../service.ts';
import { DriveClient } from './drive-client.ts';

interface Change {
  readonly id: string;
  readonly type: string;
  readonly data: { readonly data: { readonly id: string; readonly name: string } };
}

let service: RunningService;
let ann: DriveClient;
let bob: DriveClient;

beforeAll(async () => {
  service = await startService();
  ann = new DriveClient(await signUp(service, 'ann'));
  bob = new DriveClient(await signUp(service, 'bob'));
}, 90_000);

afterAll(async () => {
  for (const { person } of [ann, bob]) person.client.close();
  await service.close();
});

/** Reads a stream of changes; `ended` resolves when the service has ended it. */
async function watch(person: TestPerson, headers: Record<string, string> = {}, query = '') {
  const changes: Change[] = [];
  let isEnded = false;
  const request = get(`${service.url}/api/v1/drive/changes${query}`, {
    headers: { authorization: `Bearer ${person.accessToken}`, ...headers },
  });
  const status = await new Promise<number>((resolve, reject) => {
    request.on('error', reject);
    request.on('response', (response) => {
      let rest = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        rest += text;
        const blocks = rest.split('\n\n');
        rest = blocks.pop() ?? '';
        for (const block of blocks) {
          const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1];
          const [id, type, data] = [field('id'), field('event'), field('data')];
          if (type !== undefined) changes.push({ id: id ?? '', type, data: JSON.parse(data ?? '{}') });
        }
      });
      response.on('close', () => {
        isEnded = true;
      });
      response.on('error', () => {});
      resolve(response.statusCode ?? 0);
    });
  });
  return {
    status,
    changes,
    types: () => changes.map(({ type }) => type),
    isEnded: () => isEnded,
    close: () => request.destroy(),
  };
}

describe('changes of a drive', () => {
  it('come as they happen, in order, and of the own drive only', async () => {
    const [mine, his] = [await watch(ann.person), await watch(bob.person)];
    expect(mine.status).toBe(200);
    const folder = await ann.folder('root', 'a');
    const file = await ann.file(folder.id, 'f.txt', 'x');
    await ann.file(folder.id, 'f.txt', 'y', 'replace');
    await ann.change(file.id, { parentId: 'root' });
    await ann.change(file.id, { starred: true });
    await ann.trash(file.id);
    await ann.ok('POST', `/trash/${file.id}/restore`);
    await ann.trash(file.id);
    await ann.ok('DELETE', `/trash/${file.id}`);
    const expected = ['created', 'changed', 'moved', 'changed', 'trashed', 'restored', 'trashed', 'deleted'];
    const ofFile = () => mine.changes.filter(({ data }) => data.data.id === file.id);
    await expect
      .poll(() => ofFile().map(({ type }) => type), { timeout: 10_000 })
      .toEqual(expected.map((type) => `entry.${type}`));
    expect(mine.types()[0]).toBe('entry.created');
    expect(his.types()).toEqual([]);
    const [second] = ofFile();
    const later = await watch(ann.person, { 'last-event-id': second?.id ?? '' }, '?follow=false');
    await expect.poll(later.isEnded, { timeout: 10_000 }).toBe(true);
    expect(later.types()).toEqual(expected.slice(1).map((type) => `entry.${type}`));
    for (const stream of [mine, his]) stream.close();
  });

  it('tell of shares, without what opens them', async () => {
    const mine = await watch(ann.person);
    const his = await watch(bob.person);
    const folder = await ann.folder('root', 'shared');
    const api = async (method: string, path: string, json?: object) => {
      const answer = await ann.person.client.call(
        method,
        `/shares${path}`,
        json === undefined ? {} : { json },
      );
      expect(answer.status).toBeLessThan(300);
      return answer.json as unknown as { id: string; key: string; permission: string };
    };
    const { id, key, permission } = await api('POST', '', {
      ...{ entry: folder.id, label: 'For Bob', password: 'open sesame' },
    });
    await api('PATCH', `/${id}`, { maxDownloads: 3, password: null });
    await api('DELETE', `/${id}`);
    const told = () => mine.changes.filter(({ type }) => type.startsWith('share.'));
    const types = ['share.created', 'share.changed', 'share.revoked'];
    await expect.poll(() => told().map(({ type }) => type), { timeout: 10_000 }).toEqual(types);
    const common = { id, entry: folder.id, label: 'For Bob', permission };
    expect(told().map(({ data }) => data.data)).toEqual([
      { ...common, hasPassword: true },
      { ...common, hasPassword: false, maxDownloads: 3 },
      { ...common, hasPassword: false, maxDownloads: 3 },
    ]);
    expect(key).toMatch(/./);
    expect(JSON.stringify(told())).not.toContain(key);
    expect(his.types()).toEqual([]);
    for (const stream of [mine, his]) stream.close();
  });

  it('end with the session, also when the person is deleted', async () => {
    const session = await signIn(service, 'bob');
    const [stream, other] = [await watch(session), await watch(bob.person)];
    await session.client.call('POST', '/auth/sign-out');
    await expect.poll(stream.isEnded, { timeout: 10_000 }).toBe(true);
    expect(other.isEnded()).toBe(false);
    await bob.folder('root', 'still heard');
    await expect.poll(() => other.types(), { timeout: 10_000 }).toEqual(['entry.created']);
    await fetch(`${service.url}/api/v1/users/${bob.person.userId}`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${service.apiKey}` },
    });
    await expect.poll(other.isEnded, { timeout: 10_000 }).toBe(true);
    session.client.close();
  });
});
