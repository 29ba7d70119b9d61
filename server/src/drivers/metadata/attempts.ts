import type { AttemptCommands, AttemptDecision } from '#core/ports/metadata/attempts.ts';
import { chunks, toNumber } from './convert.ts';
import type { Session } from './session.ts';
import { runQuery, Statement } from './statement.ts';

const reserve = new Statement((dialect, p: { key: string }) =>
  dialect.skipTaken(dialect.build.insertInto('sign_in_attempts').values({ key: p.key, count: 0, until: 0 }), [
    'key',
  ]),
);

const lock = new Statement((dialect, p: { key: string }) =>
  dialect.lockRows(
    dialect.build.selectFrom('sign_in_attempts').select(['count', 'until']).where('key', '=', p.key),
  ),
);

const set = new Statement(({ build }, p: { key: string; count: number; until: number }) =>
  build.updateTable('sign_in_attempts').set({ count: p.count, until: p.until }).where('key', '=', p.key),
);

const giveBack = new Statement(({ build }, p: { key: string }) =>
  build
    .updateTable('sign_in_attempts')
    .set((eb) => ({ count: eb('count', '-', 1) }))
    .where('key', '=', p.key)
    .where('count', '>', 0),
);

const clear = new Statement(({ build }, p: { key: string }) =>
  build.deleteFrom('sign_in_attempts').where('key', '=', p.key),
);

const findExpired = new Statement(({ build }, p: { cutoff: number; limit: number }) =>
  build
    .selectFrom('sign_in_attempts')
    .select('key')
    .where('until', '<=', p.cutoff)
    .orderBy('until')
    .limit(p.limit),
);

export class Attempts implements AttemptCommands {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async take(key: string, limit: number, windowMs: number, now: number): Promise<AttemptDecision> {
    await reserve.run(this.#session, { key });
    const row = await lock.first(this.#session, { key });
    const [count, end] = row === undefined ? [0, 0] : [toNumber(row.count), toNumber(row.until)];
    // Clocks of nodes differ, and tries overtake each other; a window that ends much later than one could that began now was begun by a wrong clock.
    const goesOn = end > now && end <= now + 2 * windowMs;
    if (goesOn && count >= limit) return { allowed: false, left: 0, until: end };
    const until = goesOn ? end : now + windowMs;
    const used = goesOn ? count + 1 : 1;
    await set.run(this.#session, { key, count: used, until });
    return { allowed: true, left: Math.max(0, limit - used), until };
  }

  async giveBack(key: string): Promise<void> {
    await giveBack.run(this.#session, { key });
  }

  async clear(key: string): Promise<void> {
    await clear.run(this.#session, { key });
  }

  async removeExpired(cutoff: number, limit: number): Promise<number> {
    const rows = await findExpired.all(this.#session, { cutoff, limit });
    const { build } = this.#session.dialect;
    for (const keys of chunks(rows.map(({ key }) => key))) {
      await runQuery(this.#session, build.deleteFrom('sign_in_attempts').where('key', 'in', keys));
    }
    return rows.length;
  }
}
