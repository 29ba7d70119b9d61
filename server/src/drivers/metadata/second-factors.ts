import type {
  SecondFactorCommands,
  SecondFactorQueries,
  TotpRecord,
} from '#core/ports/metadata/second-factors.ts';
import { optionalNumber, toId, toNumber } from './convert.ts';
import type { Session } from './session.ts';
import { Statement } from './statement.ts';

const findTotp = new Statement(({ build }, p: { user: bigint }) =>
  build.selectFrom('user_totp').select(['secret', 'confirmed_at', 'last_step']).where('user_id', '=', p.user),
);

const removeUnconfirmed = new Statement(({ build }, p: { user: bigint }) =>
  build.deleteFrom('user_totp').where('user_id', '=', p.user).where('confirmed_at', 'is', null),
);

const insertTotp = new Statement((dialect, p: { user: bigint; secret: string; at: number }) =>
  dialect.skipTaken(
    dialect.build.insertInto('user_totp').values({
      ...{ user_id: p.user, secret: p.secret, confirmed_at: null, last_step: 0, created_at: p.at },
    }),
    ['user_id'],
  ),
);

const confirm = new Statement(({ build }, p: { user: bigint; at: number }) =>
  build.updateTable('user_totp').set({ confirmed_at: p.at }).where('user_id', '=', p.user),
);

const takeStep = new Statement(({ build }, p: { user: bigint; step: number }) =>
  build
    .updateTable('user_totp')
    .set({ last_step: p.step })
    .where('user_id', '=', p.user)
    .where('last_step', '<', p.step),
);

const removeTotp = new Statement(({ build }, p: { user: bigint }) =>
  build.deleteFrom('user_totp').where('user_id', '=', p.user),
);

const countLeft = new Statement(({ build }, p: { user: bigint }) =>
  build
    .selectFrom('recovery_codes')
    .select((eb) => eb.fn.countAll().as('count'))
    .where('user_id', '=', p.user)
    .where('used_at', 'is', null),
);

const insertCode = new Statement(({ build }, p: { user: bigint; hash: string }) =>
  build.insertInto('recovery_codes').values({ user_id: p.user, hash: p.hash, used_at: null }),
);

const useCode = new Statement(({ build }, p: { user: bigint; hash: string; at: number }) =>
  build
    .updateTable('recovery_codes')
    .set({ used_at: p.at })
    .where('user_id', '=', p.user)
    .where('hash', '=', p.hash)
    .where('used_at', 'is', null),
);

const removeCodes = new Statement(({ build }, p: { user: bigint }) =>
  build.deleteFrom('recovery_codes').where('user_id', '=', p.user),
);

export class SecondFactors implements SecondFactorQueries, SecondFactorCommands {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async totp(userId: string): Promise<TotpRecord | undefined> {
    const row = await findTotp.first(this.#session, { user: toId(userId) });
    if (row === undefined) return undefined;
    const { secret } = row;
    return { secret, confirmedAt: optionalNumber(row.confirmed_at), lastStep: toNumber(row.last_step) };
  }

  async recoveryCodesLeft(userId: string): Promise<number> {
    return Number((await countLeft.first(this.#session, { user: toId(userId) }))?.count ?? 0);
  }

  async begin(userId: string, secret: string, at: number): Promise<boolean> {
    const user = toId(userId);
    await removeUnconfirmed.run(this.#session, { user });
    return (await insertTotp.run(this.#session, { user, secret, at })) > 0;
  }

  async confirm(userId: string, at: number): Promise<void> {
    await confirm.run(this.#session, { user: toId(userId), at });
  }

  async takeStep(userId: string, step: number): Promise<boolean> {
    return (await takeStep.run(this.#session, { user: toId(userId), step })) > 0;
  }

  async putRecoveryCodes(userId: string, hashes: readonly string[]): Promise<void> {
    const user = toId(userId);
    await removeCodes.run(this.#session, { user });
    for (const hash of hashes) await insertCode.run(this.#session, { user, hash });
  }

  async useRecoveryCode(userId: string, hash: string, at: number): Promise<boolean> {
    return (await useCode.run(this.#session, { user: toId(userId), hash, at })) > 0;
  }

  async removeOfUser(userId: string): Promise<void> {
    const user = toId(userId);
    await removeTotp.run(this.#session, { user });
    await removeCodes.run(this.#session, { user });
  }
}
