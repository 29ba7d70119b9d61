import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Confirmed, Shown } from '#core/accounts/confirmation.ts';
import { type Proceed, ProviderSignIn } from '#core/accounts/identities/provider-sign-in.ts';
import { AuditLog } from '#core/audit/audit-log.ts';
import { OsproxyError } from '#core/errors.ts';
import type { Caller } from '#core/model/audit.ts';
import type { User } from '#core/model/user.ts';
import type { IdentityProvider, SignInRequest } from '#core/ports/identity-provider.ts';
import type { Metadata } from '#core/ports/metadata.ts';
import { openMetadata } from '#drivers/metadata/index.ts';
import { MemoryRateCounter } from '#drivers/rate-counter/memory.ts';
import { silentLogger } from '#test/silent-logger.ts';

const CALLER: Caller = { actor: { kind: 'nobody' }, origin: { address: '192.0.2.1' } };
const REDIRECT = 'https://files.example/callback';
const VERIFIER = 'v'.repeat(43);
const CHALLENGE = createHash('sha256').update(VERIFIER).digest('base64url');
const ADA: User = {
  ...{ id: '7', name: 'ada', email: undefined, emailVerifiedAt: undefined, displayName: 'Ada' },
  ...{ role: 'member', state: 'active', groupId: undefined, quotaBytes: undefined, authEpoch: 0 },
  ...{ createdAt: 1, updatedAt: 1, lastSignInAt: undefined },
};

let folder: string;
let metadata: Metadata;
let now: number;
let asked: SignInRequest[];
let signIn: ProviderSignIn;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'osproxy-sign-in-'));
  metadata = await openMetadata(`sqlite:${join(folder, 'a.db')}`, { logger: silentLogger });
  await metadata.migrate();
  now = 1_800_000_000_000;
  asked = [];
  signIn = made();
});
afterEach(async () => {
  await metadata.close();
  await rm(folder, { recursive: true, force: true });
});

/** A provider that vouches for everybody who comes back with the code "good". */
const provider: IdentityProvider = {
  ...{ name: 'corp', title: 'Corp', type: 'test' },
  begin: async ({ state }) => new URL(`https://id.example/?state=${state}`),
  finish: async (request, answer) => {
    asked.push(request);
    if (answer.get('code') !== 'good') throw new OsproxyError('Internal', 'broken', { cause: 'a token' });
    const nothing = { email: undefined, emailVerified: false, name: undefined, login: undefined };
    return { issuer: 'https://id.example', subject: 'ada', ...nothing };
  },
  check: async () => 'here',
  close: () => {},
};

function made(proceed: Proceed = async () => ({ challenge: 'c/d', expiresAt: 1 })): ProviderSignIn {
  const clock = { now: () => now };
  const audit = new AuditLog({ metadata, clock, logger: silentLogger });
  const identities = { userFor: async () => ADA, link: async () => {} };
  const counter = new MemoryRateCounter();
  const check = async (shown: Shown): Promise<Confirmed> => {
    if (shown.password !== 'right') throw new OsproxyError('PermissionDenied', 'The password is wrong.');
    return { ...shown, kept: undefined, field: 'password' };
  };
  const parts = { metadata, providers: [provider], identities, proceed, counter, audit, clock };
  return new ProviderSignIn({ ...parts, confirmation: { check }, logger: silentLogger });
}

async function begun(wanted: { returnTo?: string; challenge?: string } = {}) {
  const beginning = { redirectUri: REDIRECT, returnTo: wanted.returnTo, challenge: wanted.challenge };
  const { url, browser } = await signIn.begin('corp', beginning, CALLER);
  return {
    browser,
    answer: new URLSearchParams({ state: url.searchParams.get('state') ?? '', code: 'good' }),
  };
}

describe('linking', () => {
  const begin = (password: string) => {
    const from = { address: '192.0.2.1', agent: undefined };
    const linking = { userId: '7', sessionId: '8', password, from };
    return signIn.begin('corp', { redirectUri: REDIRECT, returnTo: '/', linking }, CALLER);
  };

  test('does not begin without what it rests on, and asks no provider', async () => {
    await expect(begin('wrong')).rejects.toMatchObject({ code: 'PermissionDenied' });
    expect(await metadata.transaction((r) => r.identities.removeExpired(now + 600_000, 10))).toBe(0);
  });

  test('does not begin where that is not so any more', async () => {
    // The check lets it through, and the database knows of no such session.
    await expect(begin('right')).rejects.toMatchObject({ details: { reason: 'confirm' } });
    expect(await metadata.transaction((r) => r.identities.removeExpired(now + 600_000, 10))).toBe(0);
  });
});

describe('a sign-in that began', () => {
  test('comes back with the very secrets that it was sent away with, none of which was seen outside', async () => {
    const { browser, answer } = await begun({ returnTo: '/a' });
    await signIn.finish('corp', answer, [browser], CALLER);
    const [request] = asked;
    expect(request).toEqual({
      ...{ redirectUri: REDIRECT, state: answer.get('state') },
      ...{ nonce: expect.stringMatching(/^[\w-]{43}$/), verifier: expect.stringMatching(/^[\w-]{43}$/) },
    });
    expect(new Set([request?.state, request?.nonce, request?.verifier, browser]).size).toBe(4);
  });

  test('is good for ten minutes', async () => {
    const [early, late] = [await begun(), await begun()];
    now += 599_999;
    expect((await signIn.finish('corp', early.answer, [early.browser], CALLER)).kind).toBe('challenge');
    now += 1;
    await expect(signIn.finish('corp', late.answer, [late.browser], CALLER)).rejects.toMatchObject({
      code: 'Expired',
    });
    expect(asked).toHaveLength(1);
    expect(await metadata.transaction((r) => r.identities.removeExpired(now, 10))).toBe(1);
  });

  test('is used up by a failure as well, which tells nobody but the log what it was', async () => {
    const { browser, answer } = await begun({ returnTo: '/a' });
    answer.set('code', 'bad');
    const ending = await signIn.finish('corp', answer, [browser], CALLER);
    expect(ending).toMatchObject({ kind: 'failed', returnTo: '/a?signInError=failed&provider=corp' });
    answer.set('code', 'good');
    await expect(signIn.finish('corp', answer, [browser], CALLER)).rejects.toMatchObject({
      code: 'Expired',
    });
    const [entry] = await metadata.audit.list({}, undefined, 10);
    expect(entry).toMatchObject({
      action: 'session.refused',
      outcome: 'failed',
      detail: { reason: 'failed' },
    });
  });

  test('asks for a second factor where nothing but the browser sees it', async () => {
    for (const [returnTo, kept] of [
      ['/a?b=c', '/a?b=c#secondFactor=c%2Fd'],
      ['/a#top', '/a#top&secondFactor=c%2Fd'],
    ] as const) {
      const { browser, answer } = await begun({ returnTo });
      const ending = await signIn.finish('corp', answer, [browser], CALLER);
      expect(ending).toEqual({ kind: 'challenge', returnTo: kept, browser });
    }
  });

  test('asks a program for a second factor when it exchanges its code, which is good for a minute', async () => {
    const codes: string[] = [];
    for (let count = 0; count < 2; count += 1) {
      const { browser, answer } = await begun({ returnTo: 'http://127.0.0.1:5/', challenge: CHALLENGE });
      const { kind, returnTo } = await signIn.finish('corp', answer, [browser], CALLER);
      expect(kind).toBe('code');
      codes.push(new URL(returnTo).searchParams.get('code') ?? '');
    }
    await metadata.transaction((r) => r.users.insert(ADA, undefined));
    now += 59_999;
    expect(await signIn.exchange(codes[0] ?? '', VERIFIER, CALLER)).toEqual({
      challenge: 'c/d',
      expiresAt: 1,
    });
    now += 1;
    await expect(signIn.exchange(codes[1] ?? '', VERIFIER, CALLER)).rejects.toMatchObject({
      code: 'Unauthenticated',
    });
  });

  test('is one of at most sixty in a minute from one address', async () => {
    for (let count = 0; count < 60; count += 1) await begun();
    await expect(begun()).rejects.toMatchObject({ code: 'RateLimited' });
    const elsewhere = { ...CALLER, origin: { address: '192.0.2.2' } };
    const beginning = { redirectUri: REDIRECT, returnTo: undefined };
    await expect(signIn.begin('corp', beginning, elsewhere)).resolves.toBeDefined();
  });
});
