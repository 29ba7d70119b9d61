import type { Config } from '#config/config.ts';
import type { Logger } from '#core/ports/logger.ts';
import type { FirstSteps } from '../commands/first-steps.ts';
import { FrontDoor } from './front-door.ts';
import type { Question } from './messages.ts';
import { NodeMetrics } from './node-metrics.ts';
import { ServiceBroken } from './service-broken.ts';
import { type WorkerOptions, WorkerProcess } from './worker-process.ts';

/** A process that lived this long did not die of its start. */
const STABLE_MS = 10_000;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;
/** Deaths of one process soon after its start, one after another, after which there is no point in going on when no other serves. */
const MOST_DEATHS = 5;
const HEAR_WITHIN_MS = 1000;
const LOAD_WITHIN_MS = 1000;
/** What closing a process may take beyond its drain. */
const CLOSE_WITHIN_MS = 15_000;

export interface SupervisorOptions extends WorkerOptions {
  readonly config: Config;
  readonly logger: Logger;
}

interface Slot {
  readonly number: number;
  worker: WorkerProcess | undefined;
  /** Deaths at the start, one after another. */
  deaths: number;
  timer: NodeJS.Timeout | undefined;
}

/** Starts the processes of a node, gives them its connections, and starts another where one dies. */
export class Supervisor {
  /** Rejects with ServiceBroken when no process can be kept alive. */
  readonly broken: Promise<never>;
  readonly #options: SupervisorOptions;
  readonly #slots: readonly Slot[];
  readonly #door = new FrontDoor();
  readonly #metrics = new NodeMetrics();
  readonly #startedAt = Date.now();
  readonly #prepared = Promise.withResolvers<FirstSteps>();
  readonly #allListening = Promise.withResolvers<void>();
  readonly #broken = Promise.withResolvers<never>();
  /** Processes are told to end with their primary whatever ends it; this one does not rely on their hearing it. */
  readonly #killAll = (): void => {
    for (const { worker } of this.#slots) worker?.kill();
  };
  /** Speaks for the node in the registry and asks for the lead of its schedules; the first one that could, until it ends. */
  #speaker: WorkerProcess | undefined;
  #isPrepared = false;
  #url: string | undefined;
  #started = false;
  #stopping = false;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#slots = Array.from({ length: options.config.workers }, (_, index) => ({
      number: index + 1,
      worker: undefined,
      deaths: 0,
      timer: undefined,
    }));
    this.broken = this.#broken.promise;
    this.broken.catch(() => {});
    process.on('exit', this.#killAll);
  }

  /** Resolves when every process serves, with the address and what whoever starts it first must be told. */
  async start(): Promise<{ readonly url: string; readonly steps: FirstSteps }> {
    for (const slot of this.#slots) this.#spawn(slot);
    const steps = await Promise.race([this.#prepared.promise, this.broken]);
    const { host, port } = this.#options.config;
    const url = await this.#door.open(host, port);
    this.#url = url;
    for (const { worker } of this.#slots) worker?.send({ kind: 'listen', url });
    await Promise.race([this.#allListening.promise, this.broken]);
    this.#started = true;
    return { url, steps };
  }

  /** From here on every process says that it is not ready, and works on. */
  announceStop(): void {
    for (const { worker } of this.#slots) worker?.send({ kind: 'unready' });
  }

  /** Takes no connection any more, and resolves when every process has drained and is gone. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const { timer } of this.#slots) clearTimeout(timer);
    await this.#door.close();
    const workers = this.#slots.flatMap(({ worker }) => worker ?? []);
    for (const worker of workers) worker.send({ kind: 'stop' });
    const withinMs = this.#options.config.http.drainSeconds * 1000 + CLOSE_WITHIN_MS;
    const late = setTimeout(() => {
      this.#options.logger.warn({}, 'a process did not end in time; ending it');
      this.#killAll();
    }, withinMs);
    await Promise.all(workers.map(({ closed }) => closed));
    clearTimeout(late);
    process.off('exit', this.#killAll);
  }

  #spawn(slot: Slot): void {
    const worker = new WorkerProcess(slot.number, this.#options, {
      prepared: (_worker, steps) => {
        this.#isPrepared = true;
        this.#prepared.resolve(steps);
      },
      listening: (one) => this.#listening(one),
      free: (one) => this.#door.free(one),
      asked: (one, question) => this.#answer(one, question),
      ended: (one, how) => this.#ended(slot, one, how),
    });
    slot.worker = worker;
    // What the start of the service waits for: the node is in the registry when it listens.
    if (!this.#started && slot.number === 1) this.#speaker ??= worker;
    worker.send({
      kind: 'begin',
      config: this.#options.config,
      number: slot.number,
      prepares: slot.number === 1 && !this.#isPrepared,
      speaks: this.#speaker === worker,
      startedAt: this.#startedAt,
    });
    if (this.#url !== undefined) worker.send({ kind: 'listen', url: this.#url });
  }

  #listening(worker: WorkerProcess): void {
    if (this.#stopping) return;
    if (this.#started) this.#options.logger.info({ worker: worker.number, pid: worker.pid }, 'serving again');
    this.#door.free(worker);
    this.#appoint();
    if (this.#slots.every((slot) => slot.worker?.serving === true)) this.#allListening.resolve();
  }

  /** Where nobody speaks for the node, the process with the lowest number that serves does from now on. */
  #appoint(): void {
    if (this.#speaker !== undefined) return;
    this.#speaker = this.#slots.find(({ worker }) => worker?.serving === true && !worker.leaving)?.worker;
    this.#speaker?.send({ kind: 'speak' });
  }

  #resign(worker: WorkerProcess): void {
    if (this.#speaker !== worker) return;
    this.#speaker = undefined;
    this.#appoint();
  }

  #ended(slot: Slot, worker: WorkerProcess, how: string): void {
    this.#door.remove(worker);
    const untaken = worker.untaken();
    if (untaken !== undefined) this.#door.give(untaken);
    this.#metrics.retire(worker);
    slot.worker = undefined;
    this.#resign(worker);
    if (this.#stopping) return;
    const early = performance.now() - worker.bornAt < STABLE_MS;
    slot.deaths = early ? slot.deaths + 1 : 0;
    const { sentences } = worker;
    // What is wrong with the configuration will not mend itself; later, a database may be away for a while.
    const pointless = !this.#started && sentences !== undefined;
    const hopeless = slot.deaths >= MOST_DEATHS && !this.#slots.some((one) => one.worker?.serving === true);
    if (pointless || hopeless) {
      this.#giveUp(
        sentences ?? [
          `osproxy failed: its processes ended ${slot.deaths} times in a row soon after their start, the last one with ${how}.`,
        ],
      );
      return;
    }
    const pauseMs =
      slot.deaths === 0 ? 0 : Math.min(FIRST_PAUSE_MS * 2 ** (slot.deaths - 1), LONGEST_PAUSE_MS);
    this.#options.logger.error(
      {
        worker: slot.number,
        pid: worker.pid,
        how,
        pauseMs,
        ...(sentences === undefined ? {} : { sentences }),
      },
      'a process of this node ended; another takes its place',
    );
    slot.timer = setTimeout(() => this.#spawn(slot), pauseMs);
  }

  #giveUp(sentences: readonly string[]): void {
    this.#stopping = true;
    this.#broken.reject(new ServiceBroken(sentences));
  }

  async #answer(asking: WorkerProcess, question: Question): Promise<unknown> {
    const others = this.#slots.flatMap(({ worker }) => (worker === asking ? [] : (worker ?? [])));
    const serving = others.filter((worker) => worker.serving);
    switch (question.what) {
      case 'hear':
        await Promise.all(serving.map((worker) => worker.ask(question, HEAR_WITHIN_MS)));
        return true;
      case 'metrics':
        return this.#metrics.gather(asking, question.own, serving);
      case 'load': {
        const loads = await Promise.all(serving.map((worker) => worker.ask(question, LOAD_WITHIN_MS)));
        return loads.filter((load) => load !== undefined);
      }
      case 'last':
        asking.leaving = true;
        this.#resign(asking);
        return others.every((worker) => worker.leaving);
    }
  }
}
