import { toNumber } from '../../convert.ts';
import type { Session } from '../../session.ts';
import { pick, Statement } from '../../statement.ts';
import type { ReplicaBeatTable } from '../../work-rows.ts';

const COLUMNS = ['process', 'beat', 'written_at'] as const satisfies readonly (keyof ReplicaBeatTable)[];
/** A process that wrote nothing for so long is gone. */
const KEEP_MS = 60 * 60_000;

interface NewBeat {
  readonly process: string;
  readonly beat: number;
  readonly written_at: number;
}

const put = new Statement((dialect, p: NewBeat) =>
  dialect.replaceTaken(
    dialect.build.insertInto('replica_beats').values(pick(p, COLUMNS)),
    ['process'],
    ['beat', 'written_at'],
  ),
);

const find = new Statement(({ build }, p: { process: string }) =>
  build.selectFrom('replica_beats').select('beat').where('process', '=', p.process),
);

const remove = new Statement(({ build }, p: { process: string }) =>
  build.deleteFrom('replica_beats').where('process', '=', p.process),
);

const removeOld = new Statement(({ build }, p: { cutoff: number }) =>
  build.deleteFrom('replica_beats').where('written_at', '<', p.cutoff),
);

/**
 * The row in which a process writes down its own monotonic clock again and again. Whoever shows a value of it shows everything that was committed
 * before that moment, and no two clocks are ever compared.
 */
export class Beats {
  readonly #process: string;
  #cleaned = Number.NEGATIVE_INFINITY;

  constructor(process: string) {
    this.#process = process;
  }

  async write(primary: Session): Promise<void> {
    const beat = Math.floor(performance.now());
    await put.run(primary, { process: this.#process, beat, written_at: Date.now() });
    if (beat - this.#cleaned < KEEP_MS) return;
    this.#cleaned = beat;
    await removeOld.run(primary, { cutoff: Date.now() - KEEP_MS });
  }

  /** The last value that this copy of the database shows; undefined when it shows none. */
  async read(copy: Session): Promise<number | undefined> {
    const row = await find.first(copy, { process: this.#process });
    return row === undefined ? undefined : toNumber(row.beat);
  }

  async remove(primary: Session): Promise<void> {
    await remove.run(primary, { process: this.#process });
  }
}
