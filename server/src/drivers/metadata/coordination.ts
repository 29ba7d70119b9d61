import type { Insertable, Selectable } from 'kysely';
import type { Lease, NodeRecord, NodeStatus } from '#core/model/lease.ts';
import type { CoordinationCommands, CoordinationQueries } from '#core/ports/metadata/coordination.ts';
import { chunks, listOf, refuseLongList, toNumber } from './convert.ts';
import type { Session } from './session.ts';
import { pick, runQuery, Statement } from './statement.ts';
import type { LeaseTable, NodeTable } from './work-rows.ts';

const LEASE_COLUMNS = ['name', 'holder', 'fence', 'expires_at', 'value'] as const;
const NODE_COLUMNS = ['id', 'address', 'version', 'started_at', 'heartbeat_at', 'status'] as const;

type NewLease = Required<Insertable<LeaseTable>>;
type NewNode = Insertable<NodeTable>;

const lockLease = new Statement((dialect, p: { name: string }) =>
  dialect.lockRows(dialect.build.selectFrom('leases').select(LEASE_COLUMNS).where('name', '=', p.name)),
);

const reserveLease = new Statement((dialect, p: NewLease) =>
  dialect.skipTaken(dialect.build.insertInto('leases').values(pick(p, LEASE_COLUMNS)), ['name']),
);

const takeLease = new Statement(
  ({ build }, p: { name: string; holder: string; fence: number; expiresAt: number }) =>
    build
      .updateTable('leases')
      .set({ holder: p.holder, fence: p.fence, expires_at: p.expiresAt })
      .where('name', '=', p.name),
);

interface Held {
  readonly name: string;
  readonly holder: string;
  readonly fence: number;
  readonly value: number;
}

const renewLease = new Statement(({ build }, p: Held & { expiresAt: number }) =>
  build
    .updateTable('leases')
    .set({ expires_at: p.expiresAt, value: p.value })
    .where('name', '=', p.name)
    .where('holder', '=', p.holder)
    .where('fence', '=', p.fence),
);

const releaseLease = new Statement(({ build }, p: Held) =>
  build
    .updateTable('leases')
    .set({ holder: null, expires_at: 0, value: p.value })
    .where('name', '=', p.name)
    .where('holder', '=', p.holder)
    .where('fence', '=', p.fence),
);

const putNode = new Statement((dialect, p: NewNode) =>
  dialect.replaceTaken(
    dialect.build.insertInto('nodes').values(pick(p, NODE_COLUMNS)),
    ['id'],
    ['address', 'version', 'started_at', 'heartbeat_at', 'status'],
  ),
);

const findNodes = new Statement(({ build }, p: { since: number }) =>
  build.selectFrom('nodes').select(NODE_COLUMNS).where('heartbeat_at', '>=', p.since).orderBy('id'),
);

const removeNode = new Statement(({ build }, p: { id: string }) =>
  build.deleteFrom('nodes').where('id', '=', p.id),
);

const removeSilent = new Statement(({ build }, p: { cutoff: number }) =>
  build.deleteFrom('nodes').where('heartbeat_at', '<', p.cutoff),
);

const publish = new Statement(({ build }, p: { topic: string; message: string; at: number }) =>
  build.insertInto('messages').values({ topic: p.topic, message: p.message, at: p.at }),
);

const findMessages = new Statement(({ build }, p: { after: bigint; limit: number }) =>
  build
    .selectFrom('messages')
    .select(['id', 'topic', 'message'])
    .where('id', '>', p.after)
    .orderBy('id')
    .limit(p.limit),
);

const lastMessage = new Statement(({ build }, _: object) =>
  build.selectFrom('messages').select('id').orderBy('id', 'desc').limit(1),
);

const findOldMessages = new Statement(({ build }, p: { cutoff: number; limit: number }) =>
  build.selectFrom('messages').select('id').where('at', '<=', p.cutoff).orderBy('at').limit(p.limit),
);

export class Coordination implements CoordinationQueries, CoordinationCommands {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  /** A holder that asks again before its lease ends extends it under the same fence. */
  async acquireLease(name: string, holder: string, now: number, ttlMs: number): Promise<Lease | undefined> {
    await reserveLease.run(this.#session, { name, holder: null, fence: 0, expires_at: 0, value: 0 });
    const row = await lockLease.first(this.#session, { name });
    const held = row !== undefined && row.holder !== null && toNumber(row.expires_at) > now;
    if (row === undefined || (held && row.holder !== holder)) return undefined;
    const fence = toNumber(row.fence) + (held ? 0 : 1);
    const expiresAt = now + ttlMs;
    await takeLease.run(this.#session, { name, holder, fence, expiresAt });
    return { name, holder, fence, expiresAt, value: toNumber(row.value) };
  }

  async renewLease(lease: Lease, now: number, ttlMs: number, value: number): Promise<Lease | undefined> {
    const { name, holder, fence } = lease;
    const expiresAt = now + ttlMs;
    const changes = await renewLease.run(this.#session, { name, holder, fence, expiresAt, value });
    return changes === 0 ? undefined : { name, holder, fence, expiresAt, value };
  }

  async releaseLease(lease: Lease, value: number): Promise<void> {
    const { name, holder, fence } = lease;
    await releaseLease.run(this.#session, { name, holder, fence, value });
  }

  async heartbeat(node: NodeRecord): Promise<void> {
    await putNode.run(this.#session, {
      id: node.id,
      address: node.address,
      version: node.version,
      started_at: node.startedAt,
      heartbeat_at: node.heartbeatAt,
      status: node.status === undefined ? null : JSON.stringify(node.status),
    });
  }

  async leave(nodeId: string): Promise<void> {
    await removeNode.run(this.#session, { id: nodeId });
  }

  async removeSilentNodes(cutoff: number): Promise<number> {
    return removeSilent.run(this.#session, { cutoff });
  }

  async nodes(since: number): Promise<readonly NodeRecord[]> {
    return (await findNodes.all(this.#session, { since })).map(nodeOf);
  }

  async publish(topic: string, message: string, at: number): Promise<void> {
    await publish.run(this.#session, { topic, message, at });
  }

  async messages(
    after: number,
    limit: number,
  ): Promise<readonly { id: number; topic: string; message: string }[]> {
    const rows = await findMessages.all(this.#session, { after: BigInt(after), limit });
    return rows.map((row) => ({ id: toNumber(row.id), topic: row.topic, message: row.message }));
  }

  async messagesAmong(
    ids: readonly number[],
  ): Promise<readonly { id: number; topic: string; message: string }[]> {
    refuseLongList(ids, 'message ids');
    if (ids.length === 0) return [];
    const query = this.#session.dialect.build
      .selectFrom('messages')
      .select(['id', 'topic', 'message'])
      .where('id', 'in', listOf(ids.map(BigInt)))
      .orderBy('id');
    const { rows } = await runQuery(this.#session, query);
    return rows.map((row) => ({ id: toNumber(row.id), topic: row.topic, message: row.message }));
  }

  async lastMessageId(): Promise<number> {
    const row = await lastMessage.first(this.#session, {});
    return row === undefined ? 0 : toNumber(row.id);
  }

  async removeMessages(cutoff: number, limit: number): Promise<number> {
    const { build } = this.#session.dialect;
    const rows = await findOldMessages.all(this.#session, { cutoff, limit });
    for (const ids of chunks(rows.map((row) => BigInt(row.id)))) {
      await runQuery(this.#session, build.deleteFrom('messages').where('id', 'in', ids));
    }
    return rows.length;
  }
}

function nodeOf(row: Selectable<NodeTable>): NodeRecord {
  return {
    id: row.id,
    address: row.address,
    version: row.version,
    startedAt: toNumber(row.started_at),
    heartbeatAt: toNumber(row.heartbeat_at),
    ...(row.status === null ? {} : { status: JSON.parse(row.status) as NodeStatus }),
  };
}
