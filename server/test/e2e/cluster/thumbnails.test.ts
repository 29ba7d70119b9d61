import { afterAll, beforeAll, expect, it } from 'vitest';
import { jpegOf } from '#test/core/hostile-images.ts';
import { ask, call, keysOn, putFile, startCluster, type TestCluster, until } from './nodes.ts';

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startCluster(2, { OSPROXY_PURGE_GRACE_SECONDS: '2', OSPROXY_PURGE_INTERVAL_SECONDS: '1' });
}, 90_000);
afterAll(() => cluster?.close(), 60_000);

it('are made once by nodes with folders of their own, read from each, and go with the file', async () => {
  const [one, two] = cluster.nodes;
  if (one === undefined || two === undefined) throw new Error('there are no nodes');
  const uid = await putFile(one, await jpegOf(900, 600), 'photo.jpg');
  const asked = [one, two, two, one, two, one].map((node) =>
    ask(node, 'GET', `/api/v1/files/${uid}/thumbnail?size=256`),
  );
  const [first, ...others] = await Promise.all(asked);
  for (const other of others) expect(other.bytes.equals(first?.bytes ?? Buffer.alloc(0))).toBe(true);
  const stored = async () => (await keysOn(one)).length + (await keysOn(two)).length;
  expect(await stored()).toBe(2);
  const media = async () => (await call(two, 'GET', `/api/v1/files/${uid}`)).json.media;
  await until('it is known what the file is', async () => (await media()) !== undefined);
  expect(await media()).toMatchObject({ width: 900, height: 600 });
  await ask(two, 'DELETE', `/api/v1/files/${uid}`);
  const gone = async () => (await call(one, 'GET', `/api/v1/files/${uid}/thumbnail`)).status === 404;
  await until('the other node knows', gone);
  await until('nothing is left of it', async () => (await stored()) === 0, 40_000);
}, 90_000);
