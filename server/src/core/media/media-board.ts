import type { AuditLog } from '../audit/audit-log.ts';
import type { Caller } from '../model/audit.ts';
import { MEDIA_REASONS, type MediaReason, type MediaRecord } from '../model/media.ts';
import type { Clock } from '../ports/clock.ts';
import type { IdSource } from '../ports/ids.ts';
import type { Metadata } from '../ports/metadata.ts';
import { probeTask } from '../tasks/probe-payload.ts';

const PAGE = 200;

/** What was refused, as administrators see it. */
export class MediaBoard {
  readonly #metadata: Metadata;
  readonly #ids: IdSource;
  readonly #clock: Clock;
  readonly #audit: AuditLog;
  readonly #attempts: number;
  readonly #wakeTasks: () => void;

  constructor(options: {
    metadata: Metadata;
    ids: IdSource;
    clock: Clock;
    audit: AuditLog;
    settings: { readonly taskAttempts: number };
    wakeTasks: () => void;
  }) {
    this.#metadata = options.metadata;
    this.#ids = options.ids;
    this.#clock = options.clock;
    this.#audit = options.audit;
    this.#attempts = options.settings.taskAttempts;
    this.#wakeTasks = options.wakeTasks;
  }

  /** Contents that were refused, of one reason or of all, up to `limit`. */
  async refused(reason: MediaReason | undefined, limit: number): Promise<readonly MediaRecord[]> {
    const found: MediaRecord[] = [];
    for (const one of reason === undefined ? MEDIA_REASONS : [reason]) {
      if (found.length < limit)
        found.push(...(await this.#metadata.media.refused(one, undefined, limit - found.length)));
    }
    return found;
  }

  /** Forgets the refusals of one reason or of all and has the contents looked at again; returns how many. */
  async redrive(reason: MediaReason | undefined, caller: Caller): Promise<number> {
    let count = 0;
    for (const one of reason === undefined ? MEDIA_REASONS : [reason]) {
      for (let after: string | undefined; ; ) {
        const page = await this.#metadata.media.refused(one, after, PAGE);
        after = page.at(-1)?.identity;
        if (after === undefined) break;
        const now = this.#clock.now();
        await this.#metadata.transaction(async (repositories) => {
          for (const { identity, uid } of page) {
            await repositories.media.forget(identity);
            await repositories.tasks.enqueue(this.#ids.next(), probeTask(uid, this.#attempts), now);
          }
          const detail = { reason: one, contents: page.length };
          const subject = { kind: 'installation' } as const;
          await this.#audit.note(repositories, caller, { action: 'media.redriven', subject, detail });
        });
        count += page.length;
      }
    }
    if (count > 0) this.#wakeTasks();
    return count;
  }
}
