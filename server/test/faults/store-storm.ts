import { setTimeout as sleep } from 'node:timers/promises';
import type { RestClient } from '../e2e/rest/client.ts';
import { checkAll } from './crash-check.ts';
import { type Clients, Lane, type LaneOptions, type LoadSizes } from './crash-load.ts';
import { Model } from './crash-model.ts';
import { settles } from './probe.ts';
import { bytesOf, Random } from './random.ts';

const LANES = 6;
const MOST_ACKNOWLEDGEMENTS = 30;
const LONGEST_START_MS = 10_000;
/** Until the service must answer as always once its store is back: the breaker's longest pause here, a silent connection, and some. */
const RECOVERED_WITHIN_MS = 45_000;
/** A task that failed in every trouble before waits as long as all its attempts took together, a minute or two. */
const SETTLED_WITHIN_MS = 150_000;
const LAST_LINES = 10;
const LAST_LINE_CHARACTERS = 600;

/** What happens to the store, or to the service itself, in the middle of the load. */
export interface Trouble {
  readonly name: string;
  begin(random: Random): Promise<void>;
  end(): Promise<void>;
  /** The service itself ends and is started again: nothing goes on meanwhile. */
  readonly kills?: boolean;
}

/** The service as the clients see it, and what is behind it. */
export interface StormPlace {
  /** As they are after the last restart. */
  readonly clients: Clients;
  /** Clients of every way in: after a trouble each must take bytes and give back what any has taken. */
  readonly probes: readonly RestClient[];
  /** Lines of the log so far. */
  readonly lines: readonly string[];
  query(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
  /** Resolves when the background has found the content of the file to be right. */
  verified(uid: string): Promise<void>;
  /** Resolves when exactly what the database names is in every store, nothing unfinished besides. */
  onlyNamed(): Promise<void>;
  /** `fsck --deep` finds nothing; rejects with what it found. */
  cleanFsck(): Promise<void>;
  /** What is left in the stores; undefined when nothing is. */
  leftovers(): Promise<string | undefined>;
}

export interface Storm {
  readonly place: StormPlace;
  readonly seed: number;
  /** One round of load each, in this order. */
  readonly troubles: readonly Trouble[];
  readonly sizes: LoadSizes;
  /** Milliseconds that a trouble lasts, at least and at most. */
  readonly lasts: readonly [number, number];
  /** Move everything from one store to the other and back meanwhile. */
  readonly moves?: boolean;
  readonly proxied?: NonNullable<LaneOptions['proxied']>;
  /** Bounds how long the load waits for acknowledgements before a trouble begins; default 5 to 30 of them. */
  readonly underWay?: readonly [number, number];
}

/** Extensions of the names that the load gives: a place may have rules for them. */
const EXTENSIONS = ['bin', 'out', 'in'];

/** Files that land on the disk and go on to Ceph, and the other way round. */
export const WRITE_BACK = `
placement:
  rules:
    - { match: { extensions: [out] }, store: disk, thenTransferTo: ceph }
    - { match: { extensions: [in] }, store: ceph, thenTransferTo: disk }
`;

/**
 * Load, trouble in the middle of it, recovery by itself, then everything that was acknowledged is compared; again and again. Before a trouble
 * begins every answer must be right, so each recovery is a whole one. At the end nothing may be left over in any store. Rejects with the first broken promise.
 */
export async function runStorm(storm: Storm): Promise<Model['acknowledged']> {
  const model = new Model(EXTENSIONS);
  const random = new Random(storm.seed);
  let name = 'none';
  const beganAt = performance.now();
  const told = (what: string) => {
    const seconds = ((performance.now() - beganAt) / 1000).toFixed(1);
    console.log(`${seconds} s: ${what}`);
  };
  try {
    for (const [round, trouble] of storm.troubles.entries()) {
      name = `${trouble.name} (round ${round + 1})`;
      told(`${name} begins`);
      await oneRound(storm, model, trouble, new Random(storm.seed, round));
      const startedAt = performance.now();
      await recovered(storm.place, model);
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
      told(`${name}: recovered within ${seconds} s, ${JSON.stringify(model.acknowledged)}`);
      await checkAll(model, storm.place.clients, random);
      complainAboutErrors(storm.place);
    }
    name = 'the end';
    told('all troubles are over');
    await allSettled(storm.place, model);
    told('all is settled');
    await checkAll(model, storm.place.clients, random);
    await storm.place.onlyNamed();
    told('only what is named is there');
    await storm.place.cleanFsck();
    told('fsck is clean');
    await emptied(storm.place, model);
    return model.acknowledged;
  } catch (error) {
    const sentence = error instanceof Error ? error.message : String(error);
    // What the log says about the last answers comes a moment after them.
    await sleep(300);
    const lines = storm.place.lines.filter((line) => /"level":"(warn|error|fatal)"/.test(line));
    throw new Error(
      `At ${name}, OSPROXY_TEST_SEED=${storm.seed}: ${sentence}\nThe service logged last:\n${lines
        .slice(-LAST_LINES)
        .map((line) => line.slice(0, LAST_LINE_CHARACTERS))
        .join('\n')}`,
      { cause: error },
    );
  }
}

/** A store that fails is no fault inside the service; an answer that was begun and could not be ended is told as an error. */
function complainAboutErrors({ lines }: StormPlace): void {
  const bad = lines.find(
    (line) => /"level":"(error|fatal)"/.test(line) && !line.includes('"msg":"an answer broke off after'),
  );
  if (bad !== undefined) throw new Error(`The service logged: ${bad}`);
}

async function oneRound(storm: Storm, model: Model, trouble: Trouble, random: Random): Promise<void> {
  const { place, sizes, lasts, proxied } = storm;
  const stop = new AbortController();
  let inTrouble = false;
  const troubled = () => inTrouble;
  const { clients } = place;
  const lanes = Array.from({ length: LANES }, (_, index) =>
    new Lane(model, clients, new Random(random.between(0, 2 ** 31), index), stop.signal, {
      troubled,
      sizes,
      ...(proxied === undefined ? {} : { proxied }),
    }).run(),
  );
  const running = Promise.all(lanes);
  try {
    if (storm.moves) await beginMove(place, random);
    await Promise.race([underWay(model, random, storm.underWay), running]);
    inTrouble = true;
    if (trouble.kills) stop.abort();
    await trouble.begin(random);
    await Promise.race([sleep(random.between(...lasts)), running]);
  } finally {
    stop.abort();
    await trouble.end();
  }
  await running;
}

/** So many acknowledgements, whatever the machine is busy with. */
async function underWay(
  model: Model,
  random: Random,
  [least, most]: readonly [number, number] = [5, MOST_ACKNOWLEDGEMENTS],
): Promise<void> {
  let left = random.between(least, most);
  const acknowledged = Promise.withResolvers<void>();
  model.onAcknowledged = () => {
    left -= 1;
    if (left === 0) acknowledged.resolve();
  };
  await Promise.race([acknowledged.promise, sleep(LONGEST_START_MS)]);
  model.onAcknowledged = () => {};
}

/** Whatever lies in one store goes to the other, unless a move is under way. */
async function beginMove({ clients }: StormPlace, random: Random): Promise<void> {
  const [from, to] = random.chance(0.5) ? ['ceph', 'disk'] : ['disk', 'ceph'];
  const { status } = await clients.rest.call('POST', '/moves', { json: { from, to } });
  if (status !== 201 && status !== 409) throw new Error(`A move was answered with ${status}.`);
}

/** Every node takes bytes again and gives back what each has taken: no rule applies to such a name, so they are in the default store. */
async function recovered({ probes }: StormPlace, model: Model): Promise<void> {
  for (const probe of probes) {
    await settles(RECOVERED_WITHIN_MS, async () => {
      const name = `${model.name('recovered')}.bin`;
      // Equal bytes would be kept where they are already.
      const content = { seed: 2 ** 41 + Number(/\d+/.exec(name)), size: 400_000 };
      const put = probe.call('PUT', `/files/${name}`, { body: bytesOf(content) });
      const stored = await put.catch((error: Error) => error);
      if (stored instanceof Error || stored.status !== 201) {
        model.strays.push({ name, content, key: undefined });
        if (stored instanceof Error) return `a put is not answered: ${stored.message}`;
        return `a put is answered with ${stored.status}: ${stored.bytes}`;
      }
      model.addFile(model.newUid(stored.json.uid), name, content);
      for (const reader of probes) {
        const { status, bytes } = await reader.content(stored.json.uid);
        if (status !== 200) return `reading is answered with ${status}: ${bytes.subarray(0, 300)}`;
      }
      return undefined;
    });
  }
}

interface Move {
  readonly id: string;
  readonly state: string;
  readonly failedObjects: number;
}

/** Every file verified, every move through, no task waiting that should have ended. */
async function allSettled(place: StormPlace, model: Model): Promise<void> {
  for (const { uid } of model.here()) await place.verified(uid);
  await settles(SETTLED_WITHIN_MS, async () => {
    const { json } = await place.clients.rest.call('GET', '/moves');
    const { moves } = json as unknown as { readonly moves: readonly Move[] };
    for (const { id, state, failedObjects } of moves) {
      if (state === 'done' && failedObjects > 0) await place.clients.rest.call('POST', `/moves/${id}/resume`);
      if (state !== 'done' || failedObjects > 0) return `move ${id} is ${state}, ${failedObjects} failed`;
    }
    return undefined;
  });
  await settles(SETTLED_WITHIN_MS, async () => {
    const types = "type in ('compose', 'transfer', 'move')";
    const waiting = await place.query(
      `select type, state, attempts, last_error from tasks where ${types} and state not in ('done', 'cancelled')`,
    );
    return waiting.length === 0
      ? undefined
      : `tasks: ${waiting.map((row) => Object.values(row).join(' ')).join('; ')}`;
  });
}

/** With every file deleted and every upload ended nothing is left in either store. */
async function emptied({ clients, leftovers }: StormPlace, model: Model): Promise<void> {
  for (const { uid } of model.here()) await clients.rest.call('DELETE', `/files/${uid}`);
  for (const { uid } of model.open) await clients.rest.call('DELETE', `/uploads/${uid}`);
  await settles(60_000, leftovers);
}
