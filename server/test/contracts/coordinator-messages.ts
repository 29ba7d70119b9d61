import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { DatabaseCoordinator } from '#drivers/coordinator/database.ts';
import type { TestDatabase } from './metadata-fixture.ts';
import { NOW } from './metadata-samples.ts';
import { recordingLogger } from './metadata-temporary.ts';

const envelope = (message: string) => JSON.stringify(['elsewhere', message]);

/** Messages whose transactions commit in another order than their ids were given out; for databases with several writers. */
export function messagesContract(name: string, createDatabase: () => Promise<TestDatabase>): void {
  describe(`messages out of order: ${name}`, () => {
    async function start() {
      const database = await createDatabase();
      const metadata = await database.open();
      await metadata.migrate();
      const clock = { now: () => NOW };
      const coordinator = new DatabaseCoordinator({ metadata, clock, logger: recordingLogger() });
      onTestFinished(async () => {
        await coordinator.close();
        await metadata.close();
        await database.remove();
      });
      /** Publishes in a transaction that stays open until the returned function is called. */
      const hold = async (message: string) => {
        const [published, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
        const transaction = metadata.transaction(async ({ coordination }) => {
          await coordination.publish('t', envelope(message), NOW);
          published.resolve();
          await gate.promise;
        });
        await published.promise;
        return async () => {
          gate.resolve();
          await transaction;
        };
      };
      const send = (message: string) =>
        metadata.transaction(({ coordination }) => coordination.publish('t', envelope(message), NOW));
      return { coordinator, hold, send };
    }

    it('delivers each once, also one that appears after others with greater ids', async () => {
      const { coordinator, hold, send } = await start();
      const heard: string[] = [];
      coordinator.subscribe('t', (message) => heard.push(message));
      await sleep(700);
      const commit = await hold('late');
      for (let i = 0; i < 20; i++) await send(`m${i}`);
      await vi.waitFor(() => expect(heard).toHaveLength(20), { timeout: 5000 });
      await sleep(700);
      const committedAt = performance.now();
      await commit();
      await vi.waitFor(() => expect(heard).toContain('late'), { timeout: 5000 });
      expect(performance.now() - committedAt).toBeLessThan(2500);
      await sleep(1200);
      expect([...heard].sort()).toEqual([...Array.from({ length: 20 }, (_, i) => `m${i}`), 'late'].sort());
    });

    it('delivers to a new subscriber what was on its way when it came', async () => {
      const { coordinator, hold, send } = await start();
      await send('before');
      const commit = await hold('on its way');
      await send('also before');
      const heard: string[] = [];
      coordinator.subscribe('t', (message) => heard.push(message));
      await sleep(700);
      await commit();
      await vi.waitFor(() => expect(heard).toEqual(['on its way']), { timeout: 5000 });
    });
  });
}
