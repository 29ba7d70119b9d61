import { createHmac, randomBytes } from 'node:crypto';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ownerOfUser, type PersonPrincipal } from '#core/model/principal.ts';
import type { User } from '#core/model/user.ts';
import { type Challenge, type PersonScope, Possession } from '#core/possession/possession.ts';
import { MemoryRateCounter } from '#drivers/rate-counter/memory.ts';
import { wrapDriver } from '#drivers/storage/wrappers/wrap-driver.ts';
import { chunksOf, HOUR_MS, openRig, type Rig, sha256 } from './rig.ts';

const MIB = 1 << 20;
const { signal } = new AbortController();
const content = randomBytes(2 * MIB + 12_345);
const facts = { sha256: sha256(content), size: content.length };
const [alice, bob] = [person('1'), person('2')];

let rig: Rig;
/** Ranges that were read from the store. */
let reads: number;
beforeEach(async () => {
  reads = 0;
  rig = await openRig({
    wrap: (driver) =>
      wrapDriver(driver, (operation, call) => {
        if (operation === 'open') reads += 1;
        return call();
      }),
  });
});
afterEach(() => rig.close());

function person(userId: string): PersonPrincipal {
  return { kind: 'person', userId, sessionId: 's', role: 'member', owner: ownerOfUser(userId) };
}

function possession(scope: PersonScope = 'own', perMinute = 100): Possession {
  const { instant: instantUpload } = rig;
  return new Possession({ ...rig, instantUpload, rateCounter: new MemoryRateCounter(), scope, perMinute });
}

const store = (who: PersonPrincipal, bytes: Buffer = content) =>
  rig.uploads.writeFile({ owner: who.owner, name: 'first.bin', size: bytes.length }, chunksOf(bytes));

function prove({ nonce, ranges }: Challenge, bytes: Buffer): string {
  const proof = createHmac('sha256', Buffer.from(nonce, 'hex'));
  for (const { offset, length } of ranges) proof.update(bytes.subarray(offset, offset + length));
  return proof.digest('hex');
}

async function asked(asks: Possession, who: PersonPrincipal, what = facts): Promise<Challenge> {
  const challenge = await asks.challenge(who, what);
  if (challenge === undefined) throw new Error('there was no challenge');
  return challenge;
}

const answer = (asks: Possession, who: PersonPrincipal, id: string, proof: string) =>
  asks.answer(who, id, { proof, name: 'again.bin' }, signal);

it('whoever has the content gets a file on the same bytes', async () => {
  const first = await store(alice);
  const asks = possession();
  const challenge = await asked(asks, alice);
  expect(challenge.ranges).toHaveLength(20);
  expect(reads).toBe(0);
  const made = await answer(asks, alice, challenge.id, prove(challenge, content));
  expect(made).toMatchObject({ owner: '~1', name: 'again.bin', verified: true, ...facts });
  expect(made?.uid).not.toBe(first.uid);
  expect(made?.manifestId).toBe(first.manifestId);
  expect(await rig.read(made?.uid ?? '')).toEqual(content);
  expect(await rig.keysIn()).toHaveLength(1);
});

it('the bytes of several parts are shown across their borders', async () => {
  const { uid } = await rig.uploads.create({ owner: alice.owner, name: 'parts.bin' });
  const cuts = [0, 30_000, 90_000, 91_000, 1_000_000, content.length];
  for (let i = 1; i < cuts.length; i += 1) {
    await rig.uploads.writePart(uid, i, chunksOf(content.subarray(cuts[i - 1], cuts[i])), {});
  }
  const { manifestId } = await rig.uploads.complete(uid);
  const asks = possession();
  const early = await asked(asks, alice);
  expect(await answer(asks, alice, early.id, prove(early, content))).toBeUndefined();
  await rig.runTask('compose', { uid, manifestId });
  for (let round = 0; round < 5; round += 1) {
    const challenge = await asked(asks, alice);
    expect(await answer(asks, alice, challenge.id, prove(challenge, content))).toBeDefined();
  }
});

it('a hash alone, half of the content, and one wrong byte give nothing', async () => {
  await store(alice);
  const asks = possession();
  const half = Buffer.concat([content.subarray(0, content.length / 2), Buffer.alloc(content.length)]);
  const spotted = Buffer.from(content);
  for (let at = 0; at < spotted.length; at += 4000) spotted[at] = (spotted[at] ?? 0) ^ 1;
  const guesses: ((challenge: Challenge) => string)[] = [
    () => facts.sha256,
    () => '',
    () => 'zz',
    ({ nonce }) => nonce,
    (challenge) => prove(challenge, Buffer.alloc(content.length)),
    (challenge) => prove(challenge, half),
    (challenge) => prove(challenge, spotted),
    (challenge) => prove(challenge, content).slice(0, 62),
  ];
  for (const guess of guesses) {
    const challenge = await asked(asks, alice);
    expect(await answer(asks, alice, challenge.id, guess(challenge))).toBeUndefined();
  }
});

it('an answer counts once, for the person who was asked, in its time', async () => {
  await store(alice);
  await store(bob);
  const asks = possession();
  const once = await asked(asks, alice);
  const proof = prove(once, content);
  expect(await answer(asks, bob, once.id, proof)).toBeUndefined();
  expect(await answer(asks, alice, once.id, proof)).toBeDefined();
  expect(await answer(asks, alice, once.id, proof)).toBeUndefined();

  const wrong = await asked(asks, alice);
  expect(await answer(asks, alice, wrong.id, facts.sha256)).toBeUndefined();
  expect(await answer(asks, alice, wrong.id, prove(wrong, content))).toBeUndefined();

  const late = await asked(asks, alice);
  rig.clock.offset += 60_000;
  expect(await answer(asks, alice, late.id, prove(late, content))).toBeUndefined();

  const together = await asked(asks, alice);
  const same = prove(together, content);
  const made = await Promise.all([1, 2, 3].map(() => answer(asks, alice, together.id, same)));
  expect(made.filter((one) => one !== undefined)).toHaveLength(1);
});

it('a miss looks like a wrong answer, and what is asked for is not looked up before the answer', async () => {
  await store(bob);
  const asks = possession();
  const unknown = { sha256: sha256(randomBytes(10)), size: content.length };
  const times: number[] = [];
  for (const what of [facts, unknown, { ...facts, size: content.length - 1 }]) {
    const challenge = await asked(asks, alice, what);
    expect(Object.keys(challenge)).toEqual(['id', 'nonce', 'ranges', 'expiresAt']);
    const begun = performance.now();
    expect(await answer(asks, alice, challenge.id, prove(challenge, content))).toBeUndefined();
    times.push(performance.now() - begun);
  }
  expect(reads).toBe(0);
  for (const time of times) expect(time).toBeGreaterThan(240);
});

it('with the scope of all people, those who have the content get it, and each has a file of the one copy', async () => {
  await store(bob);
  const asks = possession('all');
  const carol = person('3');
  const made = await Promise.all(
    [alice, carol].map(async (who) => {
      const challenge = await asked(asks, who);
      return answer(asks, who, challenge.id, prove(challenge, content));
    }),
  );
  expect(made.map((file) => file?.owner)).toEqual(['~1', '~3']);
  expect(new Set(made.map((file) => file?.manifestId)).size).toBe(1);
  expect(await rig.keysIn()).toHaveLength(1);
  const guess = await asked(asks, carol);
  expect(await answer(asks, carol, guess.id, facts.sha256)).toBeUndefined();
});

it('with the scope of the group, members of it get what one of them has, and nobody else', async () => {
  const carol = person('3');
  for (const [{ userId: id }, groupId] of [
    [alice, '7'],
    [bob, '7'],
    [carol, '8'],
  ] as const) {
    const times = { createdAt: 1, updatedAt: 1, lastSignInAt: undefined };
    const user: User = {
      ...{ id, name: `user ${id}`, email: undefined, emailVerifiedAt: undefined, displayName: id },
      ...{ role: 'member', state: 'active', groupId, quotaBytes: undefined, authEpoch: 0, ...times },
    };
    await rig.metadata.transaction((r) => r.users.insert(user, undefined));
  }
  await store(bob);
  const asks = possession('group');
  const outcome = async (who: PersonPrincipal) => {
    const challenge = await asked(asks, who);
    return (await answer(asks, who, challenge.id, prove(challenge, content)))?.owner;
  };
  expect(await outcome(alice)).toBe('~1');
  expect(await outcome(carol)).toBeUndefined();
  expect(await outcome(bob)).toBe('~2');
});

it('content that goes away between question and answer has to be uploaded', async () => {
  const { uid } = await store(alice);
  const asks = possession();
  const deleted = await asked(asks, alice);
  await rig.files.delete(alice, uid);
  expect(await answer(asks, alice, deleted.id, prove(deleted, content))).toBeUndefined();
  rig.clock.offset += 2 * HOUR_MS;
  await rig.purge();

  await store(alice);
  const lost = await asked(asks, alice);
  for (const key of await rig.keysIn()) await rig.store.delete(key);
  expect(await answer(asks, alice, lost.id, prove(lost, content))).toBeUndefined();
});

it('nothing is made where the transaction around the file refuses it', async () => {
  await store(alice);
  const asks = possession();
  const challenge = await asked(asks, alice);
  const placed = async () => {
    throw new Error('no room');
  };
  const proof = prove(challenge, content);
  await expect(asks.answer(alice, challenge.id, { proof, name: 'n', placed }, signal)).rejects.toThrow(
    'no room',
  );
  const page = { owner: alice.owner, after: undefined, limit: 10, namePrefix: undefined };
  expect(await rig.metadata.files.list(page)).toHaveLength(1);
});

it('small content is uploaded in any case, and questions are limited', async () => {
  const asks = possession('own', 2);
  expect(await asks.challenge(alice, { sha256: facts.sha256, size: MIB - 1 })).toBeUndefined();
  await asked(asks, alice);
  await asked(asks, alice, { sha256: facts.sha256, size: MIB });
  await expect(asks.challenge(alice, facts)).rejects.toMatchObject({ code: 'RateLimited' });
  await asked(asks, bob);
});

it('purge forgets what was not answered', async () => {
  const asks = possession();
  const { id } = await asked(asks, alice);
  rig.clock.offset += 60_000;
  await rig.purge();
  expect(await rig.metadata.transaction((r) => r.possession.take(id, alice.userId))).toBeUndefined();
});
