import { setTimeout as sleep } from 'node:timers/promises';
import type { RunningService } from '../e2e/service.ts';
import { checkAll } from './crash-check.ts';
import { Lane } from './crash-load.ts';
import { Model } from './crash-model.ts';
import { CrashSite, clientsOf } from './crash-site.ts';
import { settles } from './probe.ts';
import { Random } from './random.ts';

const LANES = 6;
const LONGEST_LOAD_MS = 10_000;
const LONGEST_AWAY_MS = 1500;
const MOST_ACKNOWLEDGEMENTS = 40;
const NOTICED_WITHIN_MS = 15_000;
const RECOVERED_WITHIN_MS = 30_000;

/** A database server of the test's own, which it may end and start again. */
export interface KillableServer {
  readonly access: { readonly url: string };
  kill(): Promise<void>;
  shutDown(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface DatabaseStorm {
  readonly seed: number;
  readonly server: KillableServer;
  /** An empty database in it. */
  readonly url: string;
}

/** The service ends too: `also`, at the same moment, or `meanwhile`, when the server is away. */
type Round = { readonly end: 'kill' | 'shutDown'; readonly service?: 'also' | 'meanwhile' };

const ROUNDS: readonly Round[] = [
  { end: 'kill' },
  { end: 'shutDown' },
  { end: 'kill', service: 'also' },
  { end: 'kill' },
  { end: 'kill', service: 'meanwhile' },
];

/**
 * The database server ends in the middle of the load and comes back, again and again; each time the service must say that it is not ready,
 * recover by itself and have everything that it acknowledged. Rejects with the first broken promise.
 */
export async function runDatabaseStorm({ seed, server, url }: DatabaseStorm): Promise<Model['acknowledged']> {
  const site = await CrashSite.open(url, { OSPROXY_DATABASE_STATEMENT_TIMEOUT_SECONDS: '5' });
  const model = new Model();
  const random = new Random(seed);
  let service: RunningService | undefined;
  let told = '';
  try {
    service = await site.start();
    for (const [index, round] of ROUNDS.entries()) {
      told = `round ${index + 1} (${round.end}, service ${round.service ?? 'goes on'})`;
      service = await oneRound(site, model, server, service, round, new Random(seed, index));
      const clients = clientsOf(service);
      await checkAll(model, clients, random);
      clients.rest.close();
    }
    told = 'the end';
    const clients = clientsOf(service);
    await site.quiet(clients, model);
    clients.rest.close();
    complainAboutFaults(service);
    await service.stop();
    await site.expectCleanFsck(1, ['--deep']);
    return model.acknowledged;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new Error(`At ${told}, OSPROXY_TEST_SEED=${seed}: ${message}\n${warningsOf(service)}`, {
      cause: error,
    });
  } finally {
    await service?.kill();
    await site.close();
  }
}

/** Resolves with the service that runs afterwards. */
async function oneRound(
  site: CrashSite,
  model: Model,
  server: KillableServer,
  running: RunningService,
  { end, service: ends }: Round,
  random: Random,
): Promise<RunningService> {
  let service = running;
  const clients = clientsOf(service);
  const stop = new AbortController();
  let away = false;
  const lanes = Promise.all(
    Array.from({ length: LANES }, (_, index) =>
      new Lane(model, clients, new Random(random.between(0, 2 ** 31), index), stop.signal, {
        troubled: () => away,
      }).run(),
    ),
  );
  const killService = async () => {
    stop.abort();
    await service.kill();
  };
  try {
    await Promise.race([acknowledgements(model, random.between(5, MOST_ACKNOWLEDGEMENTS)), lanes]);
    away = true;
    await Promise.all([server[end](), ...(ends === 'also' ? [killService()] : [])]);
    if (ends === undefined) await settles(NOTICED_WITHIN_MS, () => notReady(service));
    await Promise.race([sleep(random.between(0, LONGEST_AWAY_MS)), lanes]);
    if (ends === 'meanwhile') await killService();
    if (ends !== undefined) await refusesToStart(site);
    await server.start();
    if (ends !== undefined) service = await site.start();
    await settles(RECOVERED_WITHIN_MS, () => ready(service));
    away = false;
    if (ends === undefined) await Promise.race([acknowledgements(model, LANES), lanes]);
  } finally {
    stop.abort();
    if (service !== running) complainAboutFaults(running);
  }
  await lanes;
  clients.rest.close();
  return service;
}

/** So many, whatever the machine is busy with. */
async function acknowledgements(model: Model, count: number): Promise<void> {
  let left = count;
  const enough = Promise.withResolvers<void>();
  model.onAcknowledged = () => {
    left -= 1;
    if (left === 0) enough.resolve();
  };
  await Promise.race([enough.promise, sleep(LONGEST_LOAD_MS)]);
  model.onAcknowledged = () => {};
  if (left > 0)
    throw new Error(`Within ${LONGEST_LOAD_MS} ms ${left} of ${count} acknowledgements did not come.`);
}

/** Alive, not ready for the sake of the database alone. */
async function notReady({ url }: RunningService): Promise<string | undefined> {
  const { status, failed } = await readiness(url);
  const alive = (await fetch(`${url}/healthz`)).status;
  if (alive === 200 && status === 503 && failed === 'database') return undefined;
  return `/healthz ${alive}, /readyz ${status} with [${failed}] failing while the database is away`;
}

async function ready({ url }: RunningService): Promise<string | undefined> {
  const { status, failed } = await readiness(url);
  return status === 200 ? undefined : `/readyz ${status} with [${failed}] failing`;
}

async function readiness(url: string): Promise<{ readonly status: number; readonly failed: string }> {
  const answer = await fetch(`${url}/readyz`);
  const { checks } = (await answer.json()) as { checks: readonly { name: string; ok: boolean }[] };
  const failed = checks.filter(({ ok }) => !ok).map(({ name }) => name);
  return { status: answer.status, failed: failed.join() };
}

async function refusesToStart(site: CrashSite): Promise<void> {
  const started = await site.start().catch((error: Error) => error.message);
  if (typeof started !== 'string') {
    await started.kill();
    throw new Error('The service started without its database.');
  }
  if (!/database/i.test(started)) throw new Error(`Without its database it says: ${started}`);
}

/** A database that is away is no fault inside the service. */
function complainAboutFaults({ lines }: RunningService): void {
  const bad = lines.find((line) => /"level":"(error|fatal)"/.test(line) || !line.startsWith('{'));
  if (bad !== undefined) throw new Error(`The service logged: ${bad}`);
}

function warningsOf(service: RunningService | undefined): string {
  const lines = service?.lines.filter((line) => /"level":"(warn|error|fatal)"/.test(line)) ?? [];
  return lines
    .slice(-10)
    .map((line) => line.slice(0, 600))
    .join('\n');
}
