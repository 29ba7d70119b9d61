import { afterEach, beforeEach, expect, test } from 'vitest';
import { Passwords } from '#core/accounts/passwords.ts';
import type { Share } from '#core/model/share.ts';
import type { Metadata } from '#core/ports/metadata.ts';
import { SharePasswords } from '#core/shares/share-passwords.ts';
import { createMetadata } from '#test/contracts/metadata-temporary.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const SHARE = { id: '482913374719606900', password: 'right', passwordEpoch: 1 } as Share;

/** So many guesses would take minutes with real hashes. */
class PlainPasswords extends Passwords {
  override async verify(password: string, kept: string | undefined): Promise<boolean> {
    return password === kept;
  }
}

let metadata: Metadata;
let dispose: () => Promise<void>;
let now: number;
let passwords: SharePasswords;

beforeEach(async () => {
  ({ metadata, dispose } = await createMetadata());
  now = 1_800_000_000_000;
  passwords = newNode();
});
afterEach(() => dispose());

function newNode(): SharePasswords {
  const signer = { sign: () => 'signature', verify: () => true } as never;
  return new SharePasswords({
    metadata,
    passwords: new PlainPasswords({ minLength: 4, atOnce: 1, mostWaiting: 1 }),
    ...{ signer, clock: { now: () => now } },
    settings: { tries: 5, lockMs: 15 * MINUTE, proofMs: HOUR },
  });
}

/** undefined where the password was right, else the code and how long to wait. */
async function unlock(address: string, password = 'right', node = passwords) {
  try {
    await node.unlock(SHARE, password, address);
    return undefined;
  } catch (error) {
    const { code, retryAfterSeconds: seconds } = error as { code: string; retryAfterSeconds?: number };
    return { code, seconds };
  }
}

const addressOf = (n: number): string => `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`;

/** Each address once; returns how many passwords were looked at. */
async function guessOnce(from: number, count: number): Promise<number> {
  let looked = 0;
  for (let n = from; n < from + count; n += 1) {
    if ((await unlock(addressOf(n), 'wrong'))?.code === 'Unauthenticated') looked += 1;
  }
  return looked;
}

test('an address that guesses is locked, and nobody else is', async () => {
  for (let n = 0; n < 5; n += 1)
    expect(await unlock('203.0.113.1', 'wrong')).toMatchObject({ code: 'Unauthenticated' });
  for (const password of ['wrong', 'right'])
    expect(await unlock('203.0.113.1', password)).toEqual({ code: 'RateLimited', seconds: 900 });
  expect(await unlock('203.0.113.2')).toBeUndefined();
  now += 15 * MINUTE;
  expect(await unlock('203.0.113.1')).toBeUndefined();
});

test('an address that goes on after it was locked takes no turn of anybody', async () => {
  for (let n = 0; n < 1000; n += 1) await unlock('203.0.113.1', 'wrong');
  expect(await guessOnce(0, 250)).toBe(249);
});

test('a hundred addresses that use up their tries do not keep out a visitor from another', async () => {
  for (let round = 0; round < 5; round += 1) await guessOnce(0, 100);
  expect(await unlock('203.0.113.2')).toBeUndefined();
});

test('where the turns of all are taken, the next is some seconds away, and then the right password opens', async () => {
  expect(await guessOnce(0, 300)).toBe(250);
  expect(await unlock('203.0.113.2')).toEqual({ code: 'RateLimited', seconds: 10 });
  // Being refused for others is no try of the own.
  for (let n = 0; n < 20; n += 1) expect((await unlock('203.0.113.2', 'wrong'))?.code).toBe('RateLimited');
  now += 10_000;
  expect(await unlock('203.0.113.2')).toBeUndefined();
  // What was right has given its turn back.
  expect(await unlock('203.0.113.3')).toBeUndefined();
});

test('guesses from however many addresses are 1220 in an hour at most, and 720 in each that follows', async () => {
  const looked: number[] = [];
  for (let hour = 0; hour < 3; hour += 1) {
    let found = 0;
    for (let step = 0; step < 60; step += 1) {
      // Fifteen new addresses a minute and more, five tries each, and the first hour begins with a crowd.
      const crowd = hour === 0 && step === 0 ? 400 : 15;
      const first = hour * 100_000 + step * 1000;
      for (let n = first; n < first + crowd; n += 1)
        for (let round = 0; round < 5; round += 1)
          if ((await unlock(addressOf(n), 'wrong'))?.code === 'Unauthenticated') found += 1;
      now += MINUTE;
    }
    looked.push(found);
  }
  expect(looked[0]).toBeGreaterThan(1100);
  expect(looked[0]).toBeLessThanOrEqual(1220);
  for (const later of looked.slice(1)) {
    expect(later).toBeGreaterThan(600);
    expect(later).toBeLessThanOrEqual(720);
  }
}, 120_000);

test('nodes count together, also at once, and a wrong clock of one keeps nobody out', async () => {
  const [one, other] = [newNode(), newNode()];
  const guesses = Array.from({ length: 400 }, (_, n) =>
    unlock(addressOf(n), 'wrong', n % 2 === 0 ? one : other),
  );
  const codes = (await Promise.all(guesses)).map((answer) => answer?.code);
  expect(codes.filter((code) => code === 'Unauthenticated')).toHaveLength(250);
  now += 365 * 24 * HOUR;
  expect(await guessOnce(1000, 300)).toBe(250);
  for (let n = 0; n < 6; n += 1) await unlock('203.0.113.2', 'wrong');
  now -= 365 * 24 * HOUR;
  expect(await unlock('203.0.113.2')).toBeUndefined();
  expect(await guessOnce(2000, 300)).toBe(250);
});
