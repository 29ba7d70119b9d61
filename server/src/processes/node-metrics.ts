import type { MetricsSnapshot } from '#drivers/telemetry/prometheus.ts';
import type { WorkerProcess } from './worker-process.ts';

const ANSWER_WITHIN_MS = 2000;

/** The metrics of all processes of a node, and what the ones that are gone had counted when they were last asked. */
export class NodeMetrics {
  readonly #last = new Map<WorkerProcess, MetricsSnapshot>();
  #gone: MetricsSnapshot = [];
  #retiring: Promise<void> = Promise.resolve();

  /** `own` are the values of the process that asks. A process that does not answer in time is left out. */
  async gather(
    asking: WorkerProcess,
    own: unknown,
    others: readonly WorkerProcess[],
  ): Promise<readonly MetricsSnapshot[]> {
    this.#last.set(asking, own as MetricsSnapshot);
    const answers = await Promise.all(
      others.map(async (worker) => {
        const answer = (await worker.ask({ what: 'metrics' }, ANSWER_WITHIN_MS)) as
          | MetricsSnapshot
          | undefined;
        if (answer !== undefined && worker.serving) this.#last.set(worker, answer);
        return answer ?? [];
      }),
    );
    await this.#retiring;
    return [own as MetricsSnapshot, ...answers, this.#gone];
  }

  /** Keeps what the process had counted, so that the sums of the node do not fall. */
  retire(worker: WorkerProcess): void {
    const last = this.#last.get(worker);
    this.#last.delete(worker);
    if (last === undefined) return;
    this.#retiring = this.#retiring.then(async () => {
      const { addUpCounters } = await import('#drivers/telemetry/prometheus.ts');
      this.#gone = await addUpCounters([this.#gone, last]);
    });
  }
}
