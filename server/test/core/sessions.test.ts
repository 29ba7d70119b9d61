import { afterEach, beforeEach, expect, test } from 'vitest';
import { hashOf } from '#core/accounts/secrets.ts';
import { SessionStates } from '#core/accounts/session-states.ts';
import { Sessions } from '#core/accounts/sessions.ts';
import { AuditLog } from '#core/audit/audit-log.ts';
import type { User } from '#core/model/user.ts';
import type { AccessClaims } from '#core/ports/access-tokens.ts';
import type { Metadata } from '#core/ports/metadata.ts';
import { sampleUser } from '#test/contracts/metadata-accounts.ts';
import { newId, write } from '#test/contracts/metadata-samples.ts';
import { createMetadata } from '#test/contracts/metadata-temporary.ts';
import { silentLogger } from '#test/silent-logger.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const FROM = { address: '192.0.2.1', agent: 'test' };

let dispose: () => Promise<void>;
let metadata: Metadata;
let now: number;
let sessions: Sessions;
let user: User;

beforeEach(async () => {
  ({ metadata, dispose } = await createMetadata());
  now = Date.now();
  const clock = { now: () => now };
  const nobody = { publish: async () => {}, subscribe: () => () => {} };
  const tokens = {
    sign: async (claims: AccessClaims) => JSON.stringify(claims),
    verify: async (token: string) => JSON.parse(token) as AccessClaims,
    publicKeys: () => ({}),
  };
  sessions = new Sessions({
    ...{
      metadata,
      clock,
      tokens,
      ids: { next: newId },
      states: new SessionStates(metadata, nobody as never),
    },
    audit: new AuditLog({ metadata, clock, logger: silentLogger }),
    times: { accessMs: 15 * MINUTE, refreshMs: 24 * HOUR, sessionMs: 72 * HOUR },
  });
  user = sampleUser();
  await write(metadata, (r) => r.users.insert(user, undefined));
});
afterEach(() => dispose());

const refused = { code: 'Unauthenticated' };

test('a refresh token that was used gives its answer again for ten seconds, not longer', async () => {
  const { refresh } = await sessions.begin(user, 'password', FROM);
  const next = await sessions.refresh(refresh.token, FROM);
  now += 10_000;
  expect((await sessions.refresh(refresh.token, FROM)).refresh).toEqual(next.refresh);
  now += 1;
  await expect(sessions.refresh(refresh.token, FROM)).rejects.toMatchObject(refused);
  // Whoever has the successor is out as well: one of the two has stolen it.
  await expect(sessions.refresh(next.refresh.token, FROM)).rejects.toMatchObject(refused);
  await expect(sessions.authenticate(next.access.token)).rejects.toMatchObject(refused);
});

test('only the token before the newest is good again, however soon', async () => {
  const { refresh } = await sessions.begin(user, 'password', FROM);
  const second = await sessions.refresh(refresh.token, FROM);
  const third = await sessions.refresh(second.refresh.token, FROM);
  await expect(sessions.refresh(refresh.token, FROM)).rejects.toMatchObject(refused);
  await expect(sessions.refresh(third.refresh.token, FROM)).rejects.toMatchObject(refused);
  const noted = await metadata.audit.list({ action: 'session.reused' }, undefined, 10);
  expect(noted).toMatchObject([{ subject: { kind: 'user', id: user.id }, origin: { address: '192.0.2.1' } }]);
});

test('reuse ends one session and no other', async () => {
  const [one, two] = [
    await sessions.begin(user, 'password', FROM),
    await sessions.begin(user, 'password', FROM),
  ];
  await sessions.refresh(one.refresh.token, FROM);
  now += 11_000;
  await expect(sessions.refresh(one.refresh.token, FROM)).rejects.toMatchObject(refused);
  expect(await sessions.authenticate(two.access.token)).toMatchObject({ userId: user.id });
  await sessions.refresh(two.refresh.token, FROM);
});

test('a session ends when it is not used, and in any case at its time', async () => {
  const began = now;
  const idle = await sessions.begin(user, 'password', FROM);
  let busy = (await sessions.begin(user, 'password', FROM)).refresh;
  for (const hours of [23, 46, 69, 71]) {
    now = began + hours * HOUR;
    busy = (await sessions.refresh(busy.token, FROM)).refresh;
  }
  await expect(sessions.refresh(idle.refresh.token, FROM)).rejects.toMatchObject(refused);
  expect(busy.expiresAt).toBe(began + 72 * HOUR);
  now = began + 72 * HOUR;
  await expect(sessions.refresh(busy.token, FROM)).rejects.toMatchObject(refused);
  expect(await sessions.list(user.id)).toEqual([]);
});

test('nothing that is kept gives a token, not even with another token', async () => {
  const { refresh } = await sessions.begin(user, 'password', FROM);
  const { refresh: next } = await sessions.refresh(refresh.token, FROM);
  const kept: unknown[] = [];
  await write(metadata, async (r) => {
    for (const token of [refresh.token, next.token]) kept.push(await r.sessions.lockToken(hashOf(token)));
  });
  expect(kept).toHaveLength(2);
  expect(JSON.stringify(kept)).not.toContain(refresh.token);
  expect(JSON.stringify(kept)).not.toContain(next.token);
});

test('a change of the state is never forgotten by a look that was under way', async () => {
  const { access, sessionId } = await sessions.begin(user, 'password', FROM);
  const looks = Array.from({ length: 20 }, () => sessions.authenticate(access.token).catch(() => undefined));
  await Promise.all([sessions.end(user.id, sessionId), ...looks]);
  await expect(sessions.authenticate(access.token)).rejects.toMatchObject(refused);
});
