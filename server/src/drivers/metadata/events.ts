import type { Selectable } from 'kysely';
import type { EventRecord, EventType, NewEvent } from '#core/model/event.ts';
import type { EventCommands, EventQueries } from '#core/ports/metadata/events.ts';
import { chunks, fromId, optionalText, toId, toNumber } from './convert.ts';
import type { Session } from './session.ts';
import { runQuery, Statement } from './statement.ts';
import type { EventTable } from './work-rows.ts';

const ROWS_AT_ONCE = 500;
const CONTENT = ['type', 'subject', 'owner', 'data', 'at'] as const;

/** Held while positions are given, so that they become visible in their order. */
const SEQUENCER = 'event-sequencer';

/** Its value is the position up to which events were removed. */
const REMOVED = 'events-removed';

const append = new Statement(({ build }, p: Omit<Selectable<EventTable>, 'position'> & { at: number }) =>
  build
    .insertInto('event_inbox')
    .values({ type: p.type, subject: p.subject, owner: p.owner, data: p.data, at: p.at }),
);

const after = new Statement(({ build }, p: { position: bigint; limit: number }) =>
  build
    .selectFrom('events')
    .select(['position', ...CONTENT])
    .where('position', '>', p.position)
    .orderBy('position')
    .limit(p.limit),
);

const last = new Statement(({ build }, _: object) =>
  build.selectFrom('events').select('position').orderBy('position', 'desc').limit(1),
);

const waiting = new Statement(({ build }, p: { limit: number }) =>
  build.selectFrom('event_inbox').select('serial').orderBy('serial').limit(p.limit),
);

const reserveRow = new Statement((dialect, p: { name: string }) =>
  dialect.skipTaken(
    dialect.build
      .insertInto('leases')
      .values({ name: p.name, holder: null, fence: 0, expires_at: 0, value: 0 }),
    ['name'],
  ),
);

const lockSequencer = new Statement((dialect, p: { name: string }) =>
  dialect.lockRows(dialect.build.selectFrom('leases').select('fence').where('name', '=', p.name)),
);

const oldest = new Statement(({ build }, p: { until: bigint; limit: number }) =>
  build
    .selectFrom('events')
    .select(['position', 'at'])
    .where('position', '<=', p.until)
    .orderBy('position')
    .limit(p.limit),
);

const findValue = new Statement(({ build }, p: { name: string }) =>
  build.selectFrom('leases').select('value').where('name', '=', p.name),
);

const setValue = new Statement(({ build }, p: { name: string; value: number }) =>
  build.updateTable('leases').set({ value: p.value }).where('name', '=', p.name),
);

export class Events implements EventQueries, EventCommands {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async append(event: NewEvent, at: number): Promise<void> {
    const { type, subject, owner, data } = event;
    await append.run(this.#session, { type, subject, owner: owner ?? null, data: JSON.stringify(data), at });
  }

  async appendMany(events: readonly NewEvent[], at: number): Promise<void> {
    const { build } = this.#session.dialect;
    for (let start = 0; start < events.length; start += ROWS_AT_ONCE) {
      const rows = events.slice(start, start + ROWS_AT_ONCE).map(({ type, subject, owner, data }) => ({
        ...{ type, subject, owner: owner ?? null, data: JSON.stringify(data), at },
      }));
      await runQuery(this.#session, build.insertInto('event_inbox').values(rows));
    }
  }

  async sequence(limit: number): Promise<number> {
    await reserveRow.run(this.#session, { name: SEQUENCER });
    await lockSequencer.first(this.#session, { name: SEQUENCER });
    const rows = await waiting.all(this.#session, { limit });
    const { build } = this.#session.dialect;
    let count = 0;
    for (const serials of chunks(rows.map((row) => BigInt(row.serial)))) {
      const chosen = build
        .selectFrom('event_inbox')
        .select(CONTENT)
        .where('serial', 'in', serials)
        .orderBy('serial');
      const copied = build
        .insertInto('events')
        .columns([...CONTENT])
        .expression(chosen);
      count += (await runQuery(this.#session, copied)).changes;
      await runQuery(this.#session, build.deleteFrom('event_inbox').where('serial', 'in', serials));
    }
    return count;
  }

  async after(position: string | undefined, limit: number): Promise<readonly EventRecord[]> {
    const from = position === undefined ? 0n : toId(position);
    return (await after.all(this.#session, { position: from, limit })).map(eventOf);
  }

  async hasWaiting(): Promise<boolean> {
    return (await waiting.first(this.#session, { limit: 1 })) !== undefined;
  }

  async last(): Promise<string | undefined> {
    const row = await last.first(this.#session, {});
    return row === undefined ? this.removedUntil() : fromId(row.position);
  }

  async removedUntil(): Promise<string | undefined> {
    const row = await findValue.first(this.#session, { name: REMOVED });
    return row === undefined ? undefined : String(row.value);
  }

  async removeOld(cutoff: number, until: string, limit: number): Promise<number> {
    const { build } = this.#session.dialect;
    const rows = await oldest.all(this.#session, { until: toId(until), limit });
    const fresh = rows.findIndex(({ at }) => toNumber(at) > cutoff);
    const old = fresh === -1 ? rows : rows.slice(0, fresh);
    for (const positions of chunks(old.map((row) => BigInt(row.position)))) {
      await runQuery(this.#session, build.deleteFrom('events').where('position', 'in', positions));
    }
    const last = old.at(-1);
    if (last !== undefined) {
      await reserveRow.run(this.#session, { name: REMOVED });
      await setValue.run(this.#session, { name: REMOVED, value: toNumber(last.position) });
    }
    return old.length;
  }
}

function eventOf(row: Selectable<EventTable>): EventRecord {
  return {
    position: fromId(row.position),
    type: row.type as EventType,
    subject: row.subject,
    owner: optionalText(row.owner),
    data: JSON.parse(row.data) as Record<string, unknown>,
    at: toNumber(row.at),
  };
}
