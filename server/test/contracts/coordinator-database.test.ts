import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { DatabaseCoordinator } from '#drivers/coordinator/database.ts';
import { coordinatorContract } from './coordinator-contract.ts';
import { coordinationOn } from './coordinator-on-database.ts';
import { createMetadata, recordingLogger, temporaryDatabase } from './metadata-temporary.ts';

coordinatorContract('database (SQLite)', async () => coordinationOn(await temporaryDatabase()));

let temporary: Awaited<ReturnType<typeof createMetadata>>;
let now = 1_700_000_000_000;
const clock = { now: () => now };

beforeEach(async () => {
  temporary = await createMetadata();
});
afterEach(() => temporary.dispose());

it('trims messages that every process has had time to read', async () => {
  const coordinator = new DatabaseCoordinator({
    metadata: temporary.metadata,
    clock,
    logger: recordingLogger(),
  });
  for (let i = 0; i < 5; i++) await coordinator.publish('t', String(i));
  now += 11 * 60_000;
  await coordinator.publish('t', 'last');
  expect(await temporary.metadata.coordination.messages(0, 100)).toHaveLength(1);
  await coordinator.close();
});

it('goes on after a message that it cannot read', async () => {
  const logger = recordingLogger();
  const coordinator = new DatabaseCoordinator({ metadata: temporary.metadata, clock, logger });
  const other = new DatabaseCoordinator({ metadata: temporary.metadata, clock, logger });
  const heard: string[] = [];
  coordinator.subscribe('t', (message) => heard.push(message));
  await temporary.metadata.transaction((r) => r.coordination.publish('t', 'not an envelope', now));
  await other.publish('t', 'fine');
  await vi.waitFor(() => expect(heard).toEqual(['fine']), { timeout: 3000 });
  expect(logger.lines).toHaveLength(1);
  await coordinator.close();
});

it('forgets nodes that have been silent for days', async () => {
  const coordinator = new DatabaseCoordinator({
    metadata: temporary.metadata,
    clock,
    logger: recordingLogger(),
  });
  const node = { address: 'http://127.0.0.1:1', version: '1', startedAt: now };
  await coordinator.heartbeat({ ...node, id: 'old', heartbeatAt: now });
  now += 3 * 24 * 3_600_000;
  await coordinator.heartbeat({ ...node, id: 'new', heartbeatAt: now });
  expect((await temporary.metadata.coordination.nodes(0)).map((each) => each.id)).toEqual(['new']);
});
