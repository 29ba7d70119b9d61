import { createHash, createHmac, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { signUp, type TestPerson } from '../people.ts';
import { type RunningService, startService } from '../service.ts';
import { type DriveAnswer, DriveCalls } from './drive-calls.ts';

const MIB = 1 << 20;

let service: RunningService;
let people: TestPerson[];
let alice: DriveCalls;
let bob: DriveCalls;

beforeAll(async () => {
  service = await startService({ env: { OSPROXY_DRIVE_QUOTA_MIB: '12' } });
  people = [await signUp(service, 'alice'), await signUp(service, 'bob')];
  [alice, bob] = people.map((person) => new DriveCalls(person)) as [DriveCalls, DriveCalls];
});
afterAll(async () => {
  for (const { client } of people ?? []) client.close();
  await service?.close();
});

const factsOf = (bytes: Buffer) => ({
  sha256: createHash('sha256').update(bytes).digest('hex'),
  size: bytes.length,
});
const ask = (who: DriveCalls, facts: object) => who.call('POST', '/instant-uploads', facts);
const answer = (who: DriveCalls, id: string, proof: string, more: object = {}) =>
  who.call('POST', `/instant-uploads/${id}/answer`, { proof, parentId: 'root', name: 'again.bin', ...more });

function proofOf({ json }: DriveAnswer, bytes: Buffer): string {
  const proof = createHmac('sha256', Buffer.from(json.nonce, 'hex'));
  for (const { offset, length } of json.ranges) proof.update(bytes.subarray(offset, offset + length));
  return proof.digest('hex');
}
const used = async (who: DriveCalls) => (await who.call('GET', '')).json.usedBytes;
const REQUIRED = { state: 'uploadRequired' };

it('makes a file in a folder of whoever has the content, and takes the room', async () => {
  const bytes = randomBytes(2 * MIB + 1);
  await alice.put('root', 'first.bin', bytes);
  const before = await used(alice);
  const folder = await alice.folder('root', 'inside');
  const asked = await ask(alice, factsOf(bytes));
  expect([asked.status, asked.json.state, asked.json.ranges.length]).toEqual([201, 'challenge', 20]);
  const done = await answer(alice, asked.json.id, proofOf(asked, bytes), {
    parentId: folder.id,
    path: 'a/b',
  });
  expect(done.status).toBe(201);
  expect(done.json).toMatchObject({
    state: 'done',
    entry: { name: 'again.bin', ...factsOf(bytes) },
  });
  expect(await used(alice)).toBe(before + bytes.length);
  const read = await alice.call('GET', `/entries/${done.json.entry.id}/content`);
  expect(read.bytes.equals(bytes)).toBe(true);
  const where = await alice.call('GET', `/entries/${done.json.entry.id}`);
  expect(where.json.path?.map(({ name }) => name)).toEqual(['', 'inside', 'a', 'b']);
});

it('gives nothing for a hash, half of the content, a replay, another size or the challenge of another', async () => {
  const bytes = randomBytes(MIB + 77);
  await alice.put('root', 'secret.bin', bytes);
  const before = [await used(alice), await used(bob)];
  const half = Buffer.concat([bytes.subarray(0, bytes.length / 2), Buffer.alloc(bytes.length)]);
  const facts = factsOf(bytes);
  const refused = async (who: DriveCalls, asked: DriveAnswer, proof: string) => {
    const { status, json } = await answer(who, asked.json.id, proof);
    expect([status, json]).toEqual([200, REQUIRED]);
  };
  for (const guess of [
    () => facts.sha256,
    (asked: DriveAnswer) => proofOf(asked, half),
    (asked: DriveAnswer) => proofOf(asked, Buffer.alloc(bytes.length)),
  ]) {
    const asked = await ask(alice, facts);
    await refused(alice, asked, guess(asked));
    await refused(alice, asked, proofOf(asked, bytes));
  }
  const mine = await ask(alice, facts);
  await refused(bob, mine, proofOf(mine, bytes));
  const other = await ask(alice, { ...facts, size: bytes.length - 1 });
  await refused(alice, other, proofOf(other, bytes));
  const own = await ask(bob, facts);
  expect(Object.keys(own.json)).toEqual(Object.keys(mine.json));
  await refused(bob, own, proofOf(own, bytes));
  expect([await used(alice), await used(bob)]).toEqual(before);
});

it('asks nothing about small content', async () => {
  const bytes = randomBytes(MIB - 1);
  await alice.put('root', 'small.bin', bytes);
  const asked = await ask(alice, factsOf(bytes));
  expect([asked.status, asked.json]).toEqual([200, REQUIRED]);
});

it('refuses a place where an upload would be refused, and makes nothing', async () => {
  const bytes = randomBytes(MIB);
  await bob.put('root', 'taken.bin', bytes);
  const foreign = await alice.folder('root', 'of alice');
  const tries: readonly (readonly [object, number])[] = [
    [{ name: 'taken.bin' }, 409],
    [{ parentId: foreign.id }, 404],
    [{ name: 'a/b' }, 400],
    [{ conflict: 'often' }, 400],
  ];
  for (const [more, status] of tries) {
    const asked = await ask(bob, factsOf(bytes));
    expect([more, (await answer(bob, asked.json.id, proofOf(asked, bytes), more)).status]).toEqual([
      more,
      status,
    ]);
  }
  expect(await used(bob)).toBe(bytes.length);
  const asked = await ask(bob, factsOf(bytes));
  const kept = await answer(bob, asked.json.id, proofOf(asked, bytes), {
    name: 'taken.bin',
    conflict: 'keepBoth',
  });
  expect(kept.json.entry.name).toBe('taken (1).bin');
});

it('never takes more room than there is, however many answers come at once', async () => {
  const bytes = randomBytes(3 * MIB);
  await bob.put('root', 'big.bin', bytes);
  const tries = Array.from({ length: 6 }, async (_, n) => {
    const asked = await ask(bob, factsOf(bytes));
    return answer(bob, asked.json.id, proofOf(asked, bytes), { name: `copy ${n}` });
  });
  const statuses = (await Promise.all(tries)).map(({ status }) => status).sort();
  // Two of 1 MiB and one of 3 are there; 12 are allowed.
  expect(statuses).toEqual([201, 201, 507, 507, 507, 507]);
  expect(await used(bob)).toBe(11 * MIB);
});
