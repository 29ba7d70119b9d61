import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { osproxy } from '#test/faults/store-folder.ts';
import { startCluster } from '../cluster/nodes.ts';
import { RestClient } from '../rest/client.ts';
import { type RunningService, startService } from '../service.ts';

const WITHIN = { timeout: 60_000, interval: 50 };

/** Writes down each run and puts a file for each that it is called for. */
const DERIVE = (folder: string) => `
import { appendFileSync } from 'node:fs';
export default {
  type: 'derive',
  schema: { type: 'object', properties: { uid: { type: 'string' } }, required: ['uid'] },
  on: [{ event: 'file.ready', categories: ['doc'] }],
  async handle({ uid }, { files, attempt, signal, progress }) {
    appendFileSync(${JSON.stringify(join(folder, 'runs'))}, uid + ' ' + attempt + '\\n');
    const { name, owner, size } = await files.find(uid);
    progress({ done: 1, total: 2, unit: 'steps' });
    if (name.startsWith('slow') && attempt === 1)
      await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    // The bytes of a slow one may be on the node that is gone.
    let read = name.startsWith('slow') ? size : 0;
    if (read === 0) for await (const chunk of files.read(uid)) read += chunk.length;
    if (read !== size) throw new Error('It was not read whole.');
    await files.put({ owner, name: 'derived from ' + uid, content: 'x' });
  },
};`;

/** Writes down each crash. */
const HOLD = (folder: string) => `
import { appendFileSync } from 'node:fs';
export default {
  type: 'hold',
  schema: { type: 'object' },
  attempts: 2,
  on: [{ event: 'file.ready', holds: true }],
  async handle({ uid }, { files }) {
    const { name } = await files.find(uid);
    if (name === 'crash') {
      appendFileSync(${JSON.stringify(join(folder, 'crashes'))}, 'x');
      process.kill(process.pid, 'SIGKILL');
    }
    if (name === 'bad') return { no: 'It is called bad.' };
    return { yes: true };
  },
};`;

const clientOf = (service: RunningService) => {
  const client = new RestClient(service.url, service.apiKey);
  onTestFinished(() => client.close());
  return client;
};
const namesOf = async (client: RestClient, prefix: string) =>
  (await client.call('GET', `/files?limit=1000&prefix=${encodeURIComponent(prefix)}`)).json.files.map(
    ({ name }) => name,
  );

test('a handler is run once for each file on two nodes, and by the other when one is killed', async () => {
  const { path, module } = await folderWith((folder) => DERIVE(folder), 'derive.mjs');
  const cluster = await startCluster(2, {
    OSPROXY_TASKS_HANDLERS: module,
    OSPROXY_TASKS_LEASE_SECONDS: '5',
  });
  try {
    const [one, two] = cluster.nodes;
    if (one === undefined || two === undefined) throw new Error('there are two nodes');
    const clients = [clientOf(one.service), clientOf(two.service)];
    const uids = await Promise.all(
      Array.from({ length: 20 }, async (_none, index) => {
        const client = clients[index % 2] as RestClient;
        return (await client.put(`file ${index}.txt`, `text ${index}`)).uid;
      }),
    );
    await clients[0]?.put('image.jpg', 'no text');
    const wanted = uids.map((uid) => `derived from ${uid}`).toSorted();
    const [, second] = clients;
    if (second === undefined) throw new Error('there are two clients');
    await vi.waitFor(
      async () => expect((await namesOf(second, 'derived')).toSorted()).toEqual(wanted),
      WITHIN,
    );
    const runs = (await readFile(join(path, 'runs'), 'utf8')).trim().split('\n');
    expect(runs.toSorted()).toEqual(uids.map((uid) => `${uid} 1`).toSorted());

    const slow = await second.put('slow.txt', 'slow');
    const runner = await vi.waitFor(async () => {
      const { json } = await second.call('GET', '/tasks?type=derive&state=running');
      const [running] = (json as unknown as { tasks: { node?: string }[] }).tasks;
      expect(running?.node).toBeDefined();
      return running?.node;
    }, WITHIN);
    const victim = runner === 'n1' ? one : two;
    const survivor = clientOf((victim === one ? two : one).service);
    await victim.kill();
    await vi.waitFor(
      async () => expect(await namesOf(survivor, 'derived')).toContain(`derived from ${slow.uid}`),
      WITHIN,
    );
  } finally {
    await cluster.close();
  }
}, 180_000);

test('a handler that takes the process down ends as failed, its file stays held, others are judged', async () => {
  const folder = await folderWith(HOLD, 'hold.mjs');
  const env = { OSPROXY_TASKS_HANDLERS: folder.module, OSPROXY_TASKS_LEASE_SECONDS: '5' };
  let service = await startService({ env });
  try {
    const crashed = async (times: number) =>
      expect((await readFile(join(folder.path, 'crashes'), 'utf8')).length).toBe(times);
    // The handler may end the process before it has answered.
    await clientOf(service)
      .put('crash', 'x')
      .catch(() => {});
    await vi.waitFor(() => expect(service.process.signalCode).toBe('SIGKILL'), WITHIN);
    await crashed(1);
    // Where the lease is over by then, the handler ends the next process before it listens.
    const second = await startService({ env, dataDir: service.dataDir }).catch(() => undefined);
    if (second !== undefined) {
      await vi.waitFor(() => expect(second.process.signalCode).toBe('SIGKILL'), WITHIN);
    }
    await crashed(2);
    service = await startService({ env, dataDir: service.dataDir });
    const client = clientOf(service);
    const uid = await uidOf(client, 'crash');
    await vi.waitFor(async () => {
      const { json } = await client.call('GET', '/tasks?type=hold&state=failed');
      expect((json as unknown as { tasks: unknown[] }).tasks).toHaveLength(1);
    }, WITHIN);
    const [good, bad] = [await client.put('good', 'x'), await client.put('bad', 'x')];
    await crashed(2);
    const state = async (one: string) => (await client.call('GET', `/files/${one}`)).json.state;
    await vi.waitFor(
      async () => expect([await state(good.uid), await state(bad.uid)]).toEqual(['ready', 'rejected']),
      WITHIN,
    );
    expect(await state(uid)).toBe('held');
    expect((await client.content(uid)).status).toBe(423);
    await service.stop();
    // The command knows the handlers of the configuration too.
    const released = await osproxy(['files', 'release', uid], { ...service.place, ...env }, service.dataDir);
    expect(released.out).toContain(`File ${uid} ("crash") is ready.`);
  } finally {
    await service.close();
  }
}, 180_000);

test('work of a type of its own can be submitted, once for a key', async () => {
  const folder = await folderWith(
    () => `export default { type: 'note', schema: { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] },
      async handle({ text }, { files }) { await files.put({ owner: 'a', name: text, content: text }); } };`,
    'note.mjs',
  );
  const service = await startService({ env: { OSPROXY_TASKS_HANDLERS: folder.module } });
  try {
    const client = clientOf(service);
    const submit = (json: object) => client.call('POST', '/tasks', { json });
    expect((await submit({ type: 'note', payload: { text: 'first' } })).status).toBe(201);
    await vi.waitFor(async () => expect(await namesOf(client, 'first')).toEqual(['first']), WITHIN);
    const later = { type: 'note', payload: { text: 'later' }, key: 'k', delaySeconds: 3600 };
    expect((await submit(later)).json).toMatchObject({ state: 'pending' });
    expect((await submit(later)).status).toBe(409);
    expect((await submit({ type: 'note', payload: {} })).json).toMatchObject({ status: 400 });
    const none = await submit({ type: 'purge' });
    expect(none.json.detail).toBe('"purge" is no type of task that may be submitted; there is "note".');
  } finally {
    await service.close();
  }
});

test.each([
  [
    "export default { type: 'scan', schema: { type: 'object' }, handle() {} };",
    /has the type "scan", which is built in/,
  ],
  ["throw new Error('no licence');", /could not be loaded: no licence\./],
  ["export default { type: 'mine', handle() {} };", /lacks schema\./],
  [
    "export default { type: 'mine', schema: { type: 'object' }, schedule: 'at noon', handle() {} };",
    /tasks\.schedules\.mine/,
  ],
])('a module that cannot be used stops the start with one sentence: %s', async (text, sentence) => {
  const folder = await folderWith(() => text, 'bad.mjs');
  const started = await osproxy(
    ['serve'],
    { OSPROXY_TASKS_HANDLERS: folder.module, OSPROXY_PORT: '0' },
    folder.path,
  );
  expect(started.code).toBe(1);
  expect(started.errors).toMatch(sentence);
  expect(started.errors).not.toContain('    at ');
});

async function uidOf(client: RestClient, name: string): Promise<string> {
  const { files } = (await client.call('GET', `/files?prefix=${name}`)).json;
  const [{ uid } = { uid: '' }] = files;
  return uid;
}

async function folderWith(text: (folder: string) => string, name: string) {
  const path = await mkdtemp(join(tmpdir(), 'osproxy-own-tasks-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  const module = join(path, name);
  await writeFile(module, text(path));
  return { path, module };
}
