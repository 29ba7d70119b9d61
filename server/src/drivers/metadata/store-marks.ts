import { OsproxyError } from '#core/errors.ts';
import type { StoreMark } from '#core/model/store-mark.ts';
import type { StoreMarkCommands, StoreMarkQueries } from '#core/ports/metadata/store-marks.ts';
import { toNumber } from './convert.ts';
import type { Session } from './session.ts';
import { Statement } from './statement.ts';

const find = new Statement(({ build }, p: { store: string; node: string }) =>
  build
    .selectFrom('store_marks')
    .select(['store', 'node', 'mark', 'written'])
    .where('store', '=', p.store)
    .where('node', '=', p.node),
);

const insert = new Statement((dialect, p: { store: string; node: string; mark: string; written: number }) =>
  dialect.skipTaken(
    dialect.build
      .insertInto('store_marks')
      .values({ store: p.store, node: p.node, mark: p.mark, written: p.written }),
    ['store', 'node'],
  ),
);

const setWritten = new Statement(({ build }, p: { store: string; node: string }) =>
  build
    .updateTable('store_marks')
    .set({ written: 1 })
    .where('store', '=', p.store)
    .where('node', '=', p.node),
);

export class StoreMarks implements StoreMarkQueries, StoreMarkCommands {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async find(store: string, node: string | undefined): Promise<StoreMark | undefined> {
    const row = await find.first(this.#session, { store, node: node ?? '' });
    return row === undefined
      ? undefined
      : { store, node, mark: row.mark, written: toNumber(row.written) !== 0 };
  }

  async insert(mark: StoreMark): Promise<StoreMark> {
    const row = { store: mark.store, node: mark.node ?? '', mark: mark.mark, written: Number(mark.written) };
    await insert.run(this.#session, row);
    const kept = await this.find(mark.store, mark.node);
    if (kept === undefined) throw new OsproxyError('Internal', `The mark of store "${mark.store}" vanished.`);
    return kept;
  }

  async setWritten(store: string, node: string | undefined): Promise<void> {
    await setWritten.run(this.#session, { store, node: node ?? '' });
  }
}
