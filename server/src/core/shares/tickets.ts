import { createHash, randomBytes } from 'node:crypto';
import { OsproxyError } from '../errors.ts';
import type { PersonPrincipal } from '../model/principal.ts';
import type { TicketRecord } from '../model/share.ts';
import type { Clock } from '../ports/clock.ts';
import type { Metadata } from '../ports/metadata.ts';

/** What a ticket is good for. */
export type TicketWish =
  | { readonly kind: 'content'; readonly entryId: string }
  /** Shown by the browser, with ranges, as often as it likes. */
  | { readonly kind: 'show'; readonly entryId: string }
  | { readonly kind: 'zip'; readonly entryIds: readonly string[] };

export interface Ticket {
  readonly ticket: string;
  readonly expiresAt: number;
}

/** Somebody who showed a ticket. */
export interface TicketHolder {
  readonly userId: string;
  readonly wish: TicketWish;
}

const FORM = /^[A-Za-z0-9_-]{43}$/;
const ONCE_MS = 60_000;
/** As long as a long film. */
const SHOW_MS = 4 * 3_600_000;

/** Lets a browser fetch what a person may see where it cannot send a header. Good while the session lasts that asked for it. */
export class Tickets {
  readonly #metadata: Metadata;
  readonly #clock: Clock;

  constructor(options: { metadata: Metadata; clock: Clock }) {
    this.#metadata = options.metadata;
    this.#clock = options.clock;
  }

  async create({ userId, sessionId }: PersonPrincipal, wish: TicketWish): Promise<Ticket> {
    const ticket = randomBytes(32).toString('base64url');
    const now = this.#clock.now();
    const expiresAt = now + (wish.kind === 'show' ? SHOW_MS : ONCE_MS);
    const record: TicketRecord = { hash: hashOf(ticket), userId, sessionId, wish, createdAt: now, expiresAt };
    await this.#metadata.transaction((repositories) => repositories.shares.insertTicket(record));
    return { ticket, expiresAt };
  }

  /** Uses it up where `use` is set, but for one that shows. Throws NotFound for one that is not there, is used up or over, or whose session has ended. */
  async redeem(ticket: string, use: boolean): Promise<TicketHolder> {
    const record = FORM.test(ticket) ? await this.#metadata.shares.findTicket(hashOf(ticket)) : undefined;
    const now = this.#clock.now();
    if (record === undefined || record.expiresAt <= now) throw noTicket();
    const session = await this.#metadata.sessions.state(record.sessionId);
    const lasts = session?.state === 'active' && session.endedAt === undefined && session.expiresAt > now;
    if (!lasts || session.userId !== record.userId) throw noTicket();
    const wish = record.wish as TicketWish;
    if (use && wish.kind !== 'show') {
      const taken = await this.#metadata.transaction(({ shares }) => shares.takeTicket(record.hash));
      if (!taken) throw noTicket();
    }
    return { userId: record.userId, wish };
  }
}

function hashOf(ticket: string): string {
  return createHash('sha256').update(ticket).digest('hex');
}

function noTicket(): OsproxyError {
  return new OsproxyError('NotFound', 'There is no such ticket, or it was used already; ask for a new one.');
}
