import { setTimeout as sleep } from 'node:timers/promises';
import type { RunningService } from '../e2e/service.ts';
import { checkAll } from './crash-check.ts';
import { type Clients, Lane } from './crash-load.ts';
import { Model } from './crash-model.ts';
import { CrashSite, clientsOf } from './crash-site.ts';
import { Random } from './random.ts';

const LANES = 8;
const FSCK_EVERY = 10;
/** One start in so many is killed before it is finished. */
const START_KILLS = 8;
/** So many first starts, on an empty database of a server, are killed. */
const FIRST_STARTS = 3;
const LONGEST_START_MS = 900;
const LONGEST_LOAD_MS = 1100;
const MOST_ACKNOWLEDGEMENTS = 40;
const MOST_COMMITS = 40;

export interface CrashRun {
  readonly seed: number;
  readonly kills: number;
  /** An empty database of a server; SQLite otherwise. */
  readonly databaseUrl?: string;
}

/** Kills the service under load again and again over one data folder; rejects with the first promise that was broken. */
export async function runCrashes({ seed, kills, databaseUrl }: CrashRun): Promise<Model['acknowledged']> {
  const site = await CrashSite.open(databaseUrl);
  const model = new Model();
  const random = new Random(seed);
  let service: RunningService | undefined;
  let kill = 0;
  try {
    for (let first = 0; databaseUrl !== undefined && first < FIRST_STARTS; first += 1)
      await site.killWhileStarting(random.between(LONGEST_START_MS / 3, 2 * LONGEST_START_MS));
    for (kill = 1; kill <= kills; kill += 1) {
      if (random.between(1, START_KILLS) === 1) {
        await site.killWhileStarting(random.between(0, LONGEST_START_MS));
        continue;
      }
      service = await site.start();
      const clients = clientsOf(service);
      await checkAll(model, clients, random);
      await loadAndKill(site, model, service, clients, new Random(seed, kill), kill % 2 === 0);
      clients.rest.close();
      complainAboutErrors(service);
      if (kill % FSCK_EVERY === 0) await site.expectCleanFsck(3600);
    }
    service = await site.start();
    const clients = clientsOf(service);
    await checkAll(model, clients, random);
    await site.quiet(clients, model);
    await checkAll(model, clients, random);
    clients.rest.close();
    complainAboutErrors(service);
    await service.stop();
    await site.expectCleanFsck(1, ['--deep']);
    if (site.proxy?.cuts === 0) throw new Error('No kill met a commit.');
    return model.acknowledged;
  } catch (error) {
    throw new Error(`After kill ${kill} of ${kills}, OSPROXY_TEST_SEED=${seed}: ${messageOf(error)}`, {
      cause: error,
    });
  } finally {
    await service?.kill();
    await site.close();
  }
}

async function loadAndKill(
  site: CrashSite,
  model: Model,
  service: RunningService,
  clients: Clients,
  random: Random,
  maybeAtCommit: boolean,
): Promise<void> {
  const killed = new AbortController();
  const lanes = Array.from({ length: LANES }, (_, index) => {
    const own = new Random(random.between(0, 2 ** 31), index);
    return new Lane(model, clients, own, killed.signal).run();
  });
  const running = Promise.all(lanes);
  const kill = () => {
    killed.abort();
    service.process.kill('SIGKILL');
  };
  try {
    const atCommit = maybeAtCommit && site.proxy !== undefined;
    await Promise.race([atCommit ? commitOf(site, random, kill) : momentOf(model, random), running]);
  } finally {
    kill();
    await service.kill();
    site.proxy?.cutWhen(() => undefined);
  }
  await running;
}

/**
 * Half of the moments are any: short loads hit the first requests after a start, long ones hit purge and verification too. The others come
 * right upon an acknowledgement, when whatever was promised too early is not done yet.
 */
async function momentOf(model: Model, random: Random): Promise<void> {
  const ms = Math.round(LONGEST_LOAD_MS * random.next() ** 1.5);
  if (random.chance(0.5)) return sleep(ms);
  let left = random.between(1, MOST_ACKNOWLEDGEMENTS);
  const acknowledged = Promise.withResolvers<void>();
  model.onAcknowledged = () => {
    left -= 1;
    if (left === 0) acknowledged.resolve();
  };
  await Promise.race([acknowledged.promise, sleep(LONGEST_LOAD_MS * 2)]);
  model.onAcknowledged = () => {};
}

/** Kills in the middle of a transaction: when its COMMIT is on its way, which then gets to the server, or does not. */
async function commitOf({ proxy }: CrashSite, random: Random, kill: () => void): Promise<void> {
  let left = random.between(1, MOST_COMMITS);
  const when = random.chance(0.5) ? 'before' : 'after';
  const passed = Promise.withResolvers<void>();
  proxy?.cutWhen((text) => {
    if (!/\bcommit\b/i.test(text)) return undefined;
    left -= 1;
    if (left !== 0) return undefined;
    kill();
    passed.resolve();
    return when;
  });
  await Promise.race([passed.promise, sleep(LONGEST_LOAD_MS * 4)]);
}

/** Nothing a kill leaves behind may look like a fault inside the service afterwards. */
function complainAboutErrors({ lines }: RunningService): void {
  const bad = lines.find((line) => /"level":"(error|fatal)"/.test(line) || !line.startsWith('{'));
  if (bad !== undefined) throw new Error(`The service logged: ${bad}`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
