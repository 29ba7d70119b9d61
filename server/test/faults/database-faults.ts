import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Metadata } from '#core/ports/metadata.ts';
import { type MetadataOptions, openMetadata } from '#drivers/metadata/index.ts';
import { NOW, sampleFile, write } from '#test/contracts/metadata-samples.ts';
import { recordingLogger } from '#test/contracts/metadata-temporary.ts';
import { freePort } from '#test/services/ports.ts';
import { TcpFaultProxy } from '#test/services/tcp-fault-proxy.ts';
import { CuttingProxy } from './cutting-proxy.ts';

/** A server of the test's own, which it may kill. */
interface OwnServer {
  readonly access: { readonly url: string };
  readonly port: number;
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface ServerKind {
  readonly name: string;
  start(): Promise<OwnServer>;
  createDatabase(
    access: { url: string },
    options?: string,
  ): Promise<{ url: string; remove(): Promise<void> }>;
  /** CREATE DATABASE options of a database that cannot be used for its encoding; undefined where none is refused. */
  readonly wrongEncoding: string | undefined;
  /** True when each statement of a migration is final, so that a crash can leave half of one. */
  readonly finalStatements: boolean;
  /** Runs SQL in a session of its own until the returned function is called. */
  hold(url: string, sql: readonly string[]): Promise<() => Promise<void>>;
}

/** What a database server's failures look like from the metadata port. */
export function databaseFaults(kind: ServerKind): void {
  describe(`faults of ${kind.name}`, () => {
    let server: OwnServer;
    let database: { url: string; remove(): Promise<void> };
    let opened: Metadata[];

    beforeAll(async () => {
      server = await kind.start();
    }, 120_000);
    afterAll(() => server.stop());
    beforeEach(async () => {
      opened = [];
      database = await kind.createDatabase(server.access);
    });
    afterEach(async () => {
      for (const metadata of opened) await metadata.close();
      await database.remove();
    });

    async function open(options: MetadataOptions['server'] = {}, url = database.url): Promise<Metadata> {
      const metadata = await openMetadata(url, { logger: recordingLogger(), server: options });
      opened.push(metadata);
      await metadata.migrate();
      return metadata;
    }

    function through(proxy: { readonly port: number }): string {
      const url = new URL(database.url);
      url.port = String(proxy.port);
      return url.href;
    }

    it.each(['before', 'after'] as const)(
      'takes a commit that was cut off %s it arrived neither for done nor for undone',
      async (when) => {
        const proxy = await CuttingProxy.start(server.port);
        onTestFinished(() => proxy.close());
        const direct = await open();
        const metadata = await open({ poolSize: 8 }, through(proxy));
        const counter = sampleFile();
        await write(direct, ({ files }) => files.insert(counter));
        let commits = 0;
        proxy.cutWhen((text) => {
          if (!/\bcommit\b/i.test(text)) return undefined;
          commits += 1;
          return commits % 4 === 0 ? when : undefined;
        });
        const files = Array.from({ length: 80 }, () => sampleFile());
        const results = await Promise.allSettled(
          files.map((file) => write(metadata, (r) => r.files.insert(file))),
        );
        let bumped = 0;
        for (let i = 0; i < 40; i++) {
          const bump = write(metadata, (r) => r.files.bumpLinkEpoch(counter.uid, NOW));
          bumped += await bump.then(
            () => 1,
            () => 0,
          );
        }
        proxy.cutWhen(() => undefined);
        expect(proxy.cuts).toBeGreaterThan(5);
        const lost = results.filter((result) => result.status === 'rejected');
        expect(lost.length).toBeGreaterThan(0);
        for (const { reason } of lost) {
          expect(reason).toMatchObject({ code: 'Unavailable' });
          expect(reason.message).toContain('unknown');
        }
        await sleep(300);
        for (const [i, file] of files.entries()) {
          const there = (await direct.files.find(file.uid)) !== undefined;
          if (results[i]?.status === 'fulfilled') expect(there).toBe(true);
        }
        const epoch = (await direct.files.find(counter.uid))?.linkEpoch ?? 0;
        expect(epoch).toBeGreaterThanOrEqual(bumped);
        if (when === 'before') expect(epoch).toBe(bumped);
        expect(epoch).toBeLessThanOrEqual(40);
      },
    );

    it('runs a transaction again whose connection broke before its commit', async () => {
      const proxy = await CuttingProxy.start(server.port);
      onTestFinished(() => proxy.close());
      const metadata = await open({ poolSize: 4 }, through(proxy));
      let inserts = 0;
      proxy.cutWhen((text) => {
        if (!text.includes('link_epoch')) return undefined;
        inserts += 1;
        return inserts % 3 === 1 ? 'after' : undefined;
      });
      const file = sampleFile();
      await write(metadata, (r) => r.files.insert(file));
      for (let i = 0; i < 10; i++) await write(metadata, (r) => r.files.bumpLinkEpoch(file.uid, NOW));
      proxy.cutWhen(() => undefined);
      expect(proxy.cuts).toBeGreaterThan(0);
      expect((await metadata.files.find(file.uid))?.linkEpoch).toBe(10);
    });

    it('keeps nothing locked for a statement that came but for its last bytes', async () => {
      const proxy = await TcpFaultProxy.start(server.port);
      onTestFinished(() => proxy.close());
      const limits = { statementTimeoutMs: 1000, connectTimeoutMs: 1000 };
      const direct = await open(limits);
      const metadata = await open(limits, through(proxy));
      const [one, other] = [sampleFile(), sampleFile()];
      for (const file of [one, other]) await write(direct, (r) => r.files.insert(file));
      const cut = write(metadata, async (r) => {
        await r.files.bumpLinkEpoch(one.uid, NOW);
        proxy.set({});
        await r.files.bumpLinkEpoch(one.uid, NOW);
        const afterBytes = proxy.passed('up') - 2;
        proxy.set({ breaking: { direction: 'up', how: 'silence', afterBytes, times: 1 } });
        await r.files.bumpLinkEpoch(other.uid, NOW);
      });
      await expect(cut).rejects.toMatchObject({ code: 'Unavailable' });
      expect(proxy.broken).toBe(1);
      for (const file of [one, other]) {
        const bump = () => write(direct, (r) => r.files.bumpLinkEpoch(file.uid, NOW));
        await vi.waitUntil(
          () =>
            bump().then(
              () => true,
              () => false,
            ),
          { timeout: 10_000 },
        );
        expect((await direct.files.find(file.uid))?.linkEpoch).toBe(1);
      }
    });

    it('is Unavailable while the server is down, and recovers by itself', async () => {
      const metadata = await open({ statementTimeoutMs: 5000, connectTimeoutMs: 1000 });
      const acknowledged: string[] = [];
      const insert = async () => {
        const file = sampleFile();
        await write(metadata, (r) => r.files.insert(file));
        acknowledged.push(file.uid);
      };
      await Promise.all(Array.from({ length: 20 }, insert));
      const meanwhile = Promise.allSettled(Array.from({ length: 50 }, insert));
      await server.kill();
      for (const result of await meanwhile) {
        if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'Unavailable' });
      }
      const refused = await metadata.ping().catch((error: unknown) => error);
      expect(refused).toMatchObject({ code: 'Unavailable', retryable: true });
      expect((refused as Error).message).not.toMatch(/127\.0\.0\.1|:\d{4}/);
      await expect(insert()).rejects.toMatchObject({ code: 'Unavailable' });
      await server.start();
      await vi.waitFor(() => metadata.ping(), { timeout: 10_000, interval: 100 });
      await insert();
      expect(await metadata.files.findMany(acknowledged)).toHaveLength(acknowledged.length);
    });

    it('does not wait for ever for a connection, nor for a row that somebody holds', async () => {
      const metadata = await open({ poolSize: 2, acquireTimeoutMs: 300, statementTimeoutMs: 1500 });
      const file = sampleFile();
      await write(metadata, (r) => r.files.insert(file));
      const row = `select * from files where uid = ${file.uid} for update`;
      const release = await kind.hold(database.url, ['begin', row]);
      const started = performance.now();
      const bump = () => write(metadata, (r) => r.files.bumpLinkEpoch(file.uid, NOW));
      const [blocked, read] = [bump(), metadata.files.find(file.uid)];
      blocked.catch(() => {});
      expect((await read)?.uid).toBe(file.uid);
      await expect(blocked).rejects.toMatchObject({ code: 'Unavailable' });
      expect(performance.now() - started).toBeLessThan(15_000);
      await release();
      await bump();

      const gate = Promise.withResolvers<void>();
      const holders = [0, 1].map(() =>
        write(metadata, async (r) => {
          await r.files.find(file.uid);
          await gate.promise;
        }),
      );
      const waiting = Array.from({ length: 4 }, () => metadata.files.find(file.uid));
      const results = await Promise.allSettled(waiting.map(async (find) => find));
      gate.resolve();
      await Promise.all(holders);
      for (const result of results) {
        if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'Unavailable' });
      }
      expect((await metadata.files.find(file.uid))?.linkEpoch).toBe(1);
    });

    it('migrates once when several start at once, and refuses a newer schema', async () => {
      const several = await Promise.all(
        Array.from({ length: 5 }, () => openMetadata(database.url, { logger: recordingLogger() })),
      );
      opened.push(...several);
      const plan = await several[0]?.plan();
      expect(plan?.[0]?.statements.join('\n')).toMatch(/create table .files./);
      const states = await Promise.all(several.map((metadata) => metadata.migrate()));
      for (const state of states)
        expect(state).toEqual({ applied: plan?.map(({ name }) => name), pending: [] });
      expect(await several[0]?.plan()).toEqual([]);
      const add = "insert into schema_migrations (name, timestamp) values ('9999-future', 'x')";
      await (await kind.hold(database.url, [add]))();
      await expect(several[0]?.migrate()).rejects.toMatchObject({
        code: 'Conflict',
        message: expect.stringContaining('9999-future'),
      });
    });

    it('goes on with a migration that was cut off in its middle', async () => {
      const metadata = await openMetadata(database.url, { logger: recordingLogger() });
      opened.push(metadata);
      if (kind.finalStatements) {
        const [first] = await metadata.plan();
        const made = first?.statements.slice(0, 9) ?? [];
        expect(made).toHaveLength(9);
        await (await kind.hold(database.url, made))();
      }
      const { applied, pending } = await metadata.migrate();
      expect(pending).toEqual([]);
      expect(applied).toContain('0001-first-tables');
      const file = sampleFile();
      await write(metadata, (r) => r.files.insert(file));
      expect(await metadata.files.find(file.uid)).toEqual(file);
    });

    it('says in one sentence why it cannot start, never with the password', async () => {
      const elsewhere = await freePort();
      const change = (edit: (url: URL) => void): string => {
        const url = new URL(database.url);
        edit(url);
        return url.href;
      };
      const cases: [string, RegExp][] = [
        [
          change((url) => {
            url.password = 'sesame-street';
          }),
          /password/,
        ],
        [
          change((url) => {
            url.pathname = '/nothere';
          }),
          /no database "nothere"/,
        ],
        [
          change((url) => {
            url.port = String(elsewhere);
          }),
          /cannot be reached \(ECONNREFUSED\)/,
        ],
      ];
      if (kind.wrongEncoding !== undefined) {
        const encoded = await kind.createDatabase(server.access, kind.wrongEncoding);
        onTestFinished(() => encoded.remove());
        cases.push([encoded.url, /encoding/]);
      }
      for (const [url, sentence] of cases) {
        const error = await openMetadata(url, { logger: recordingLogger() }).then(
          () => undefined,
          (reason: unknown) => reason,
        );
        expect(error).toMatchObject({ code: 'Unavailable', message: expect.stringMatching(sentence) });
        expect((error as Error).message).toMatch(/^[^\n]*\.$/);
        expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('sesame-street');
        const { password } = new URL(database.url);
        expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(password);
      }
    });
  });
}
