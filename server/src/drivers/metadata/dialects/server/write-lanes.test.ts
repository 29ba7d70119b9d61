import { expect, it } from 'vitest';
import { isOsproxyError } from '#core/errors.ts';
import type { Dialect } from '../../session.ts';
import type { ServerConnection } from './connection.ts';
import { Pool } from './pool.ts';
import { WriteLanes } from './write-lanes.ts';

const LIMITS = { lanes: 2, groupSize: 4, groupMs: 20 };

/** A connection on which everything works until it is lost. */
class FakeConnection implements ServerConnection {
  usable = true;
  async execute() {
    return { rows: [], changes: 0 };
  }
  async begin(): Promise<void> {}
  async nextMember(): Promise<void> {}
  async undoMember(): Promise<void> {}
  async commit(): Promise<void> {}
  async rollback(): Promise<void> {}
  async close(): Promise<void> {}
  abandon(): void {}
}

function lanesOver(connections: FakeConnection[], retryMs: number): WriteLanes {
  const connect = async () => {
    const connection = new FakeConnection();
    connections.push(connection);
    return connection;
  };
  const pool = new Pool({ size: 4, acquireTimeoutMs: 1000, connect });
  return new WriteLanes({} as Dialect, pool, { ...LIMITS, retryMs });
}

it.each([-1, 5000])(
  'a connection that is lost between two statements is told or replaced (%i)',
  async (retryMs) => {
    const connections: FakeConnection[] = [];
    const lanes = lanesOver(connections, retryMs);
    let runs = 0;
    const result = await lanes
      .run(async (session) => {
        runs += 1;
        await session.execute('', []);
        const [first] = connections;
        if (first !== undefined) first.usable = false;
        return 'done';
      })
      .catch((error: unknown) => error);
    if (retryMs > 0) expect([result, runs]).toEqual(['done', 2]);
    else expect(isOsproxyError(result, 'Unavailable')).toBe(true);
  },
);
