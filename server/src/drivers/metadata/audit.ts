import type { Insertable, Selectable } from 'kysely';
import type { AuditEntry } from '#core/model/audit.ts';
import type { AuditCommands, AuditFilter, AuditPosition, AuditQueries } from '#core/ports/metadata/audit.ts';
import type { AuditTable } from './admin-rows.ts';
import { chunks, fromId, optionalText, toId, toNumber } from './convert.ts';
import type { Session } from './session.ts';
import { pick, runQuery, Statement } from './statement.ts';

type Row = Selectable<AuditTable>;
type NewRow = Omit<Required<Insertable<AuditTable>>, 'id'>;

const COLUMNS = [
  'at',
  'actor_kind',
  'actor_id',
  'actor_name',
  'action',
  'subject_kind',
  'subject_id',
  'address',
  'user_agent',
  'request_id',
  'outcome',
  'detail',
] as const satisfies readonly (keyof NewRow)[];

const append = new Statement(({ build }, p: NewRow) => build.insertInto('audit').values(pick(p, COLUMNS)));

const findOld = new Statement(({ build }, p: { cutoff: number; limit: number }) =>
  build.selectFrom('audit').select('id').where('at', '<=', p.cutoff).orderBy('at').limit(p.limit),
);

export class Audit implements AuditQueries, AuditCommands {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async list(
    filter: AuditFilter,
    after: AuditPosition | undefined,
    limit: number,
  ): Promise<readonly AuditEntry[]> {
    const { build, readBy } = this.#session.dialect;
    const { actor, subject, address, from, to } = filter;
    const group = filter.action?.endsWith('.*') === true ? filter.action.slice(0, -1) : undefined;
    const action = group === undefined ? filter.action : undefined;
    let query = build
      .selectFrom(readBy('audit', indexOf({ actor, subject, address, action })))
      .select(['id', ...COLUMNS])
      .orderBy('at', 'desc')
      .orderBy('id', 'desc')
      .limit(limit);
    if (subject !== undefined) query = query.where('subject_id', '=', subject);
    if (actor !== undefined) query = query.where('actor_id', '=', actor);
    if (address !== undefined) query = query.where('address', '=', address);
    if (action !== undefined) query = query.where('action', '=', action);
    if (group !== undefined) query = query.where('action', 'like', `${group}%`);
    if (from !== undefined) query = query.where('at', '>=', from);
    if (to !== undefined) query = query.where('at', '<', to);
    if (after !== undefined) {
      query = query
        .where('at', '<=', after.at)
        .where((eb) => eb.or([eb('at', '<', after.at), eb('id', '<', toId(after.id))]));
    }
    return (await runQuery(this.#session, query)).rows.map(entryOf);
  }

  async append(entry: Omit<AuditEntry, 'id'>): Promise<void> {
    const { at, actor, action, subject, origin, outcome, detail } = entry;
    await append.run(this.#session, {
      at,
      actor_kind: actor.kind,
      actor_id: actor.id ?? null,
      actor_name: actor.name ?? null,
      action,
      subject_kind: subject.kind,
      subject_id: subject.id ?? null,
      address: origin.address ?? null,
      user_agent: origin.userAgent ?? null,
      request_id: origin.requestId ?? null,
      outcome,
      detail: JSON.stringify(detail),
    });
  }

  async removeOld(cutoff: number, limit: number): Promise<number> {
    const { build } = this.#session.dialect;
    const rows = await findOld.all(this.#session, { cutoff, limit });
    for (const ids of chunks(rows.map((row) => BigInt(row.id)))) {
      await runQuery(this.#session, build.deleteFrom('audit').where('id', 'in', ids));
    }
    return rows.length;
  }
}

/** The one that leaves least to look at. */
function indexOf(filter: Pick<AuditFilter, 'actor' | 'subject' | 'address' | 'action'>): string {
  if (filter.subject !== undefined) return 'audit_subject';
  if (filter.actor !== undefined) return 'audit_actor';
  if (filter.address !== undefined) return 'audit_address';
  return filter.action === undefined ? 'audit_at' : 'audit_action';
}

function entryOf(row: Row): AuditEntry {
  return {
    id: fromId(row.id),
    at: toNumber(row.at),
    actor: {
      kind: row.actor_kind as AuditEntry['actor']['kind'],
      id: optionalText(row.actor_id),
      name: optionalText(row.actor_name),
    },
    action: row.action,
    subject: {
      kind: row.subject_kind as AuditEntry['subject']['kind'],
      id: optionalText(row.subject_id),
    },
    origin: {
      address: optionalText(row.address),
      userAgent: optionalText(row.user_agent),
      requestId: optionalText(row.request_id),
    },
    outcome: row.outcome as AuditEntry['outcome'],
    detail: JSON.parse(row.detail) as Record<string, unknown>,
  };
}
