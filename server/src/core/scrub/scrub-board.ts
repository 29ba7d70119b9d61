import type { AuditLog } from '../audit/audit-log.ts';
import { OsproxyError } from '../errors.ts';
import type { Caller } from '../model/audit.ts';
import type { ScrubFinding, ScrubRecord } from '../model/scrub.ts';
import type { Clock } from '../ports/clock.ts';
import type { Metadata } from '../ports/metadata.ts';

export interface ScrubReport {
  readonly isOn: boolean;
  readonly stores: readonly ScrubRecord[];
  /** What is wrong and not mended, with the files that need it; at most a hundred. */
  readonly findings: readonly (ScrubFinding & { readonly files: readonly string[] })[];
}

const LISTED = 100;

/** The checks of stored bytes as administrators see them. */
export class ScrubBoard {
  readonly #metadata: Metadata;
  readonly #clock: Clock;
  readonly #audit: AuditLog;
  readonly #wakeTasks: () => void;
  readonly #isOn: boolean;
  readonly #typeOf: (node: string | undefined) => string;

  constructor(options: {
    metadata: Metadata;
    clock: Clock;
    audit: AuditLog;
    wakeTasks: () => void;
    isOn: boolean;
    /** The type of the task that does the work for a node, or for stores that every node sees. */
    typeOf: (node: string | undefined) => string;
  }) {
    this.#metadata = options.metadata;
    this.#clock = options.clock;
    this.#audit = options.audit;
    this.#wakeTasks = options.wakeTasks;
    this.#isOn = options.isOn;
    this.#typeOf = options.typeOf;
  }

  async report(): Promise<ScrubReport> {
    const { scrubs, placements } = this.#metadata;
    const [stores, findings] = await Promise.all([scrubs.list(), scrubs.findings(LISTED)]);
    const namings = await placements.naming([...new Set(findings.map(({ blobId }) => blobId))]);
    const files = Map.groupBy(namings, ({ blobId }) => blobId);
    return {
      isOn: this.#isOn,
      stores,
      findings: findings.map((finding) => ({
        ...finding,
        files: (files.get(finding.blobId) ?? []).map(({ uid }) => uid).slice(0, LISTED),
      })),
    };
  }

  /** How much is wrong and not mended, by store. */
  counts() {
    return this.#metadata.relaxed.scrubs.counts();
  }

  /** Begins a new round of every store whose last one is over. Throws Conflict where scrubbing is switched off. */
  async start(caller: Caller): Promise<ScrubReport> {
    if (!this.#isOn)
      throw new OsproxyError('Conflict', 'Scrubbing is switched off; set scrub.periodDays above 0.');
    const now = this.#clock.now();
    const records = await this.#metadata.scrubs.list();
    const types = new Set([undefined, ...records.map(({ node }) => node)].map((node) => this.#typeOf(node)));
    const waiting = await Promise.all(
      [...types].map((type) => this.#metadata.tasks.list({ type, state: 'pending' }, 1)),
    );
    await this.#metadata.transaction(async (repositories) => {
      await repositories.scrubs.request(now);
      for (const { id } of waiting.flat()) await repositories.tasks.retry(id, now);
      const subject = { kind: 'installation' } as const;
      await this.#audit.note(repositories, caller, { action: 'scrub.started', subject });
    });
    this.#wakeTasks();
    return this.report();
  }
}
