import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from '../e2e/osproxy-v0/client.ts';
import { RestClient } from '../e2e/rest/client.ts';
import { type RunningService, startService } from '../e2e/service.ts';
import { checkAll } from './crash-check.ts';
import { type Clients, Lane } from './crash-load.ts';
import { Model } from './crash-model.ts';
import { Random } from './random.ts';
import { fsck, namedKeys, objectKeys, query, tempFiles } from './store-folder.ts';

const LANES = 8;
const FSCK_EVERY = 10;
/** One start in so many is killed before it is finished. */
const START_KILLS = 8;
const LONGEST_LOAD_MS = 1100;
const MOST_ACKNOWLEDGEMENTS = 40;
const QUIET_WITHIN_MS = 60_000;

const ENV = {
  OSPROXY_PURGE_GRACE_SECONDS: '1',
  OSPROXY_PURGE_INTERVAL_SECONDS: '1',
  OSPROXY_TASKS_LEASE_SECONDS: '5',
  // Starts faster without.
  OSPROXY_HTTP_DOCS: 'false',
};

export interface CrashRun {
  readonly seed: number;
  readonly kills: number;
}

/** Kills the service under load again and again over one data folder; rejects with the first promise that was broken. */
export async function runCrashes({ seed, kills }: CrashRun): Promise<Model['acknowledged']> {
  const dataDir = await mkdtemp(join(tmpdir(), 'osproxy-crash-'));
  const model = new Model();
  const random = new Random(seed);
  let service: RunningService | undefined;
  let kill = 0;
  try {
    for (kill = 1; kill <= kills; kill += 1) {
      if (random.between(1, START_KILLS) === 1) {
        await killWhileStarting(dataDir, random);
        continue;
      }
      service = await start(dataDir);
      const clients = clientsOf(service);
      await checkAll(model, clients, random);
      await loadAndKill(model, service, clients, new Random(seed, kill));
      clients.rest.close();
      complainAboutErrors(service);
      if (kill % FSCK_EVERY === 0) await expectCleanFsck(dataDir, 3600);
    }
    service = await start(dataDir);
    const clients = clientsOf(service);
    await checkAll(model, clients, random);
    await quiet(dataDir, clients, model);
    await checkAll(model, clients, random);
    clients.rest.close();
    complainAboutErrors(service);
    await service.stop();
    await expectCleanFsck(dataDir, 1, ['--deep']);
    return model.acknowledged;
  } catch (error) {
    throw new Error(`After kill ${kill} of ${kills}, OSPROXY_TEST_SEED=${seed}: ${messageOf(error)}`, {
      cause: error,
    });
  } finally {
    await service?.kill();
    await rm(dataDir, { recursive: true, force: true });
  }
}

function start(dataDir: string): Promise<RunningService> {
  return startService({ dataDir, env: ENV });
}

function clientsOf({ url, apiKey }: RunningService): Clients {
  return { rest: new RestClient(url, apiKey), v0: new Client(url, apiKey) };
}

async function loadAndKill(
  model: Model,
  service: RunningService,
  clients: Clients,
  random: Random,
): Promise<void> {
  const killed = new AbortController();
  const lanes = Array.from({ length: LANES }, (_, index) => {
    const own = new Random(random.between(0, 2 ** 31), index);
    return new Lane(model, clients, own, killed.signal).run();
  });
  const running = Promise.all(lanes);
  try {
    await Promise.race([momentOf(model, random), running]);
  } finally {
    killed.abort();
    await service.kill();
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

async function killWhileStarting(dataDir: string, random: Random): Promise<void> {
  const ms = random.between(0, 900);
  const started = startService({
    dataDir,
    env: ENV,
    onSpawn: (child) => setTimeout(() => child.kill('SIGKILL'), ms),
  });
  const service = await started.catch(() => undefined);
  await service?.kill();
}

/** Waits until everything is verified and purged: exactly the named bytes are left, and no file of an unfinished put. */
async function quiet(dataDir: string, { rest }: Clients, model: Model): Promise<void> {
  const until = Date.now() + QUIET_WITHIN_MS;
  for (const { uid } of model.here()) {
    while (!(await rest.call('GET', `/files/${uid}`)).json.verified) {
      if (Date.now() > until) throw new Error(`File ${uid} was not verified: ${tasksOf(dataDir)}`);
      await sleep(100);
    }
  }
  for (;;) {
    const [objects, temps, named] = [await objectKeys(dataDir), await tempFiles(dataDir), namedKeys(dataDir)];
    if (objects.join() === named.join() && temps.length === 0) return;
    if (Date.now() > until) {
      const besides = objects.filter((key) => !named.includes(key));
      const missing = named.filter((key) => !objects.includes(key));
      throw new Error(
        `The store holds ${besides.length} objects that nothing names [${besides}], lacks [${missing}], and has temporary files [${temps}]: ${tasksOf(dataDir)}`,
      );
    }
    await sleep(250);
  }
}

function tasksOf(dataDir: string): string {
  const rows = query(dataDir, `select type, state, attempts, last_error from tasks where state <> 'done'`);
  return rows.map((row) => Object.values(row).join(' ')).join('; ');
}

async function expectCleanFsck(dataDir: string, graceSeconds: number, words: string[] = []): Promise<void> {
  const { code, out, errors } = await fsck(dataDir, graceSeconds, words);
  if (code !== 0) throw new Error(`fsck ended with ${code}:\n${out}\n${errors}`);
}

/** Nothing a kill leaves behind may look like a fault inside the service afterwards. */
function complainAboutErrors({ lines }: RunningService): void {
  const bad = lines.find((line) => /"level":"(error|fatal)"/.test(line) || !line.startsWith('{'));
  if (bad !== undefined) throw new Error(`The service logged: ${bad}`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
