import { createHash } from 'node:crypto';
import type { Insertable, Selectable } from 'kysely';
import type { Identity, PendingSignIn, SignInCode } from '#core/model/identity.ts';
import type { IdentityCommands, IdentityQueries } from '#core/ports/metadata/identities.ts';
import { chunks, fromId, optionalNumber, optionalText, toId, toNumber } from './convert.ts';
import type { IdentityTable, PendingSignInTable, SignInCodeTable } from './identity-rows.ts';
import type { Session } from './session.ts';
import { pick, runQuery, Statement } from './statement.ts';
import { unique } from './unique.ts';

const MOST_OF_USER = 100;

type NewIdentity = Required<Insertable<IdentityTable>>;
type NewPending = Required<Insertable<PendingSignInTable>>;
type NewCode = Required<Insertable<SignInCodeTable>>;

const IDENTITY = [
  'id',
  'user_id',
  'provider',
  'subject_key',
  'issuer',
  'subject',
  'email',
  'name',
  'linked_at',
  'last_used_at',
] as const satisfies readonly (keyof NewIdentity)[];

const PENDING = [
  'hash',
  'provider',
  'browser',
  'verifier',
  'nonce',
  'redirect_uri',
  'return_to',
  'challenge',
  'user_id',
  'session_id',
  'expires_at',
] as const satisfies readonly (keyof NewPending)[];

const CODE = [
  'hash',
  'user_id',
  'provider',
  'challenge',
  'expires_at',
] as const satisfies readonly (keyof NewCode)[];

const find = new Statement(({ build }, p: { provider: string; key: string }) =>
  build
    .selectFrom('identities')
    .select(IDENTITY)
    .where('provider', '=', p.provider)
    .where('subject_key', '=', p.key),
);

const ofUser = new Statement(({ build }, p: { userId: bigint; limit: number }) =>
  build
    .selectFrom('identities')
    .select(IDENTITY)
    .where('user_id', '=', p.userId)
    .orderBy('id')
    .limit(p.limit),
);

const insert = new Statement(({ build }, p: NewIdentity) =>
  build.insertInto('identities').values(pick(p, IDENTITY)),
);

const used = new Statement(
  ({ build }, p: { id: bigint; at: number; email: string | null; name: string | null }) =>
    build
      .updateTable('identities')
      .set({ last_used_at: p.at, email: p.email, name: p.name })
      .where('id', '=', p.id),
);

const remove = new Statement(({ build }, p: { id: bigint; userId: bigint }) =>
  build.deleteFrom('identities').where('id', '=', p.id).where('user_id', '=', p.userId),
);

const removeOfUser = new Statement(({ build }, p: { userId: bigint }) =>
  build.deleteFrom('identities').where('user_id', '=', p.userId),
);

const findPending = new Statement(({ build }, p: { hash: string }) =>
  build.selectFrom('pending_sign_ins').select(PENDING).where('hash', '=', p.hash),
);

const insertPending = new Statement(({ build }, p: NewPending) =>
  build.insertInto('pending_sign_ins').values(pick(p, PENDING)),
);

const takePending = new Statement(({ build }, p: { hash: string }) =>
  build.deleteFrom('pending_sign_ins').where('hash', '=', p.hash),
);

const insertCode = new Statement(({ build }, p: NewCode) =>
  build.insertInto('sign_in_codes').values(pick(p, CODE)),
);

const lockCode = new Statement((dialect, p: { hash: string }) =>
  dialect.lockRows(dialect.build.selectFrom('sign_in_codes').select(CODE).where('hash', '=', p.hash)),
);

const removeCode = new Statement(({ build }, p: { hash: string }) =>
  build.deleteFrom('sign_in_codes').where('hash', '=', p.hash),
);

const expired = (table: 'pending_sign_ins' | 'sign_in_codes') =>
  new Statement(({ build }, p: { cutoff: number; limit: number }) =>
    build
      .selectFrom(table)
      .select('hash')
      .where('expires_at', '<=', p.cutoff)
      .orderBy('expires_at')
      .limit(p.limit),
  );
const EXPIRED = { pending_sign_ins: expired('pending_sign_ins'), sign_in_codes: expired('sign_in_codes') };

/** Who users are at other services, and their sign-ins there. */
export class Identities implements IdentityQueries, IdentityCommands {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async find(provider: string, issuer: string, subject: string): Promise<Identity | undefined> {
    const row = await find.first(this.#session, { provider, key: keyOf(issuer, subject) });
    return row === undefined ? undefined : identityOf(row);
  }

  async ofUser(userId: string): Promise<readonly Identity[]> {
    const rows = await ofUser.all(this.#session, { userId: toId(userId), limit: MOST_OF_USER });
    return rows.map(identityOf);
  }

  async insert(identity: Identity): Promise<void> {
    const { issuer, subject } = identity;
    const row: NewIdentity = {
      id: toId(identity.id),
      user_id: toId(identity.userId),
      provider: identity.provider,
      subject_key: keyOf(issuer, subject),
      issuer,
      subject,
      email: identity.email ?? null,
      name: identity.name ?? null,
      linked_at: identity.linkedAt,
      last_used_at: identity.lastUsedAt ?? null,
    };
    await unique(insert.run(this.#session, row), () => 'This identity is linked already.');
  }

  async used(id: string, at: number, { email, name }: Pick<Identity, 'email' | 'name'>): Promise<boolean> {
    const said = { email: email ?? null, name: name ?? null };
    return (await used.run(this.#session, { id: toId(id), at, ...said })) > 0;
  }

  async remove(userId: string, id: string): Promise<boolean> {
    return (await remove.run(this.#session, { userId: toId(userId), id: toId(id) })) > 0;
  }

  async removeOfUser(userId: string): Promise<void> {
    await removeOfUser.run(this.#session, { userId: toId(userId) });
  }

  async pendingSignIn(hash: string): Promise<PendingSignIn | undefined> {
    const row = await findPending.first(this.#session, { hash });
    return row === undefined ? undefined : pendingOf(row);
  }

  async insertPending(pending: PendingSignIn): Promise<void> {
    const { linking } = pending;
    await insertPending.run(this.#session, {
      hash: pending.hash,
      provider: pending.provider,
      browser: pending.browser,
      verifier: pending.verifier,
      nonce: pending.nonce,
      redirect_uri: pending.redirectUri,
      return_to: pending.returnTo,
      challenge: pending.challenge ?? null,
      user_id: linking === undefined ? null : toId(linking.userId),
      session_id: linking === undefined ? null : toId(linking.sessionId),
      expires_at: pending.expiresAt,
    });
  }

  async takePending(hash: string): Promise<boolean> {
    return (await takePending.run(this.#session, { hash })) > 0;
  }

  async insertCode({ hash, userId, provider, challenge, expiresAt }: SignInCode): Promise<void> {
    await insertCode.run(this.#session, {
      ...{ hash, user_id: toId(userId), provider, challenge, expires_at: expiresAt },
    });
  }

  async takeCode(hash: string): Promise<SignInCode | undefined> {
    const row = await lockCode.first(this.#session, { hash });
    if (row === undefined) return undefined;
    await removeCode.run(this.#session, { hash });
    const { provider, challenge } = row;
    return { hash, userId: fromId(row.user_id), provider, challenge, expiresAt: toNumber(row.expires_at) };
  }

  async removeExpired(cutoff: number, limit: number): Promise<number> {
    const { build } = this.#session.dialect;
    let removed = 0;
    for (const table of ['pending_sign_ins', 'sign_in_codes'] as const) {
      const rows = await EXPIRED[table].all(this.#session, { cutoff, limit });
      removed += rows.length;
      for (const hashes of chunks(rows.map(({ hash }) => hash))) {
        await runQuery(this.#session, build.deleteFrom(table).where('hash', 'in', hashes));
      }
    }
    return removed;
  }
}

function keyOf(issuer: string, subject: string): string {
  return createHash('sha256')
    .update(JSON.stringify([issuer, subject]))
    .digest('hex');
}

function identityOf(row: Selectable<IdentityTable>): Identity {
  return {
    id: fromId(row.id),
    userId: fromId(row.user_id),
    provider: row.provider,
    issuer: row.issuer,
    subject: row.subject,
    email: optionalText(row.email),
    name: optionalText(row.name),
    linkedAt: toNumber(row.linked_at),
    lastUsedAt: optionalNumber(row.last_used_at),
  };
}

function pendingOf(row: Selectable<PendingSignInTable>): PendingSignIn {
  const { user_id: userId, session_id: sessionId } = row;
  return {
    hash: row.hash,
    provider: row.provider,
    browser: row.browser,
    verifier: row.verifier,
    nonce: row.nonce,
    redirectUri: row.redirect_uri,
    returnTo: row.return_to,
    challenge: optionalText(row.challenge),
    linking:
      userId === null || sessionId === null
        ? undefined
        : { userId: fromId(userId), sessionId: fromId(sessionId) },
    expiresAt: toNumber(row.expires_at),
  };
}
