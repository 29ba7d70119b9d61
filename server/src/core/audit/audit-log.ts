import { OsproxyError } from '../errors.ts';
import { AUDIT_ACTIONS, type AuditEntry, type Caller, type NewAuditEntry } from '../model/audit.ts';
import type { Clock } from '../ports/clock.ts';
import type { Logger } from '../ports/logger.ts';
import type { AuditFilter, AuditPosition } from '../ports/metadata/audit.ts';
import type { Metadata, MetadataWriter } from '../ports/metadata.ts';
import { detailOf } from './detail.ts';

const EXPORT_PAGE = 500;
const GROUPS: ReadonlySet<string> = new Set(AUDIT_ACTIONS.map((action) => `${action.split('.')[0]}.*`));

export interface AuditPage {
  /** Newest first. */
  readonly entries: readonly AuditEntry[];
  /** Pass as `after` for the next page; undefined on the last one. */
  readonly next: AuditPosition | undefined;
}

/** Who did what from where. Nothing is ever changed in it; what is old is removed by a task. */
export class AuditLog {
  readonly #metadata: Pick<Metadata, 'audit' | 'transaction'>;
  readonly #clock: Clock;
  readonly #logger: Logger;

  constructor(options: {
    metadata: Pick<Metadata, 'audit' | 'transaction'>;
    clock: Clock;
    logger: Logger;
  }) {
    this.#metadata = options.metadata;
    this.#clock = options.clock;
    this.#logger = options.logger;
  }

  /** Part of the transaction that makes the change: both are there, or neither. */
  async note(
    repositories: Pick<MetadataWriter, 'audit' | 'users'>,
    caller: Caller,
    entry: NewAuditEntry,
  ): Promise<void> {
    const { actor } = caller;
    const isNamed = actor.kind !== 'person' || actor.name !== undefined || actor.id === undefined;
    const user = isNamed ? undefined : await repositories.users.find(actor.id);
    const named = user === undefined ? caller : { ...caller, actor: { ...actor, name: user.name } };
    return repositories.audit.append(this.#whole(named, entry));
  }

  /** For what changes nothing else, such as a refused sign-in. Never rejects: an entry that cannot be written goes to the log instead. */
  async record(caller: Caller, entry: NewAuditEntry): Promise<void> {
    try {
      await this.#metadata.transaction((repositories) => this.note(repositories, caller, entry));
    } catch (error) {
      const audit = this.#whole(caller, entry);
      this.#logger.error({ err: error, audit }, 'an entry of the audit log could not be written');
    }
  }

  /** Throws InvalidArgument for an action that there is not. `limit` 1 to 1000. */
  async list(filter: AuditFilter, after: AuditPosition | undefined, limit: number): Promise<AuditPage> {
    checkAction(filter.action);
    const found = await this.#metadata.audit.list(filter, after, Math.min(limit + 1, 1000));
    const entries = found.slice(0, limit);
    const last = entries.at(-1);
    const more = found.length > limit || (limit === 1000 && found.length === limit);
    return { entries, next: more && last !== undefined ? { at: last.at, id: last.id } : undefined };
  }

  /** Everything that fits, newest first, a page at a time, whose end is where the walk began. */
  async *walk(filter: AuditFilter, signal: AbortSignal): AsyncGenerator<readonly AuditEntry[]> {
    let after: AuditPosition | undefined;
    do {
      if (signal.aborted) throw new OsproxyError('Cancelled', 'The export was given up.');
      const page: AuditPage = await this.list(filter, after, EXPORT_PAGE);
      if (page.entries.length > 0) yield page.entries;
      after = page.next;
    } while (after !== undefined);
  }

  #whole(
    { actor, origin }: Caller,
    { action, subject, outcome = 'ok', detail }: NewAuditEntry,
  ): Omit<AuditEntry, 'id'> {
    return { at: this.#clock.now(), actor, action, subject, origin, outcome, detail: detailOf(detail) };
  }
}

function checkAction(action: string | undefined): void {
  if (action === undefined || GROUPS.has(action)) return;
  if (AUDIT_ACTIONS.some((known) => known === action)) return;
  throw new OsproxyError(
    'InvalidArgument',
    `There is no action "${action}" in the audit log; there are ${AUDIT_ACTIONS.join(', ')}, and groups such as key.*.`,
    { details: { field: 'action' } },
  );
}
