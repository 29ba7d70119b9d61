import { setTimeout as sleep } from 'node:timers/promises';
import { JoinedSignal } from '../cancellation.ts';
import type { EventFeed, FeedPage, FeedQuery } from '../events/event-feed.ts';
import type { PersonPrincipal } from '../model/principal.ts';

/** How soon a stream ends whose session has. */
const LOOK_MS = 2000;
const TYPES = ['entry.*'];

/** Tells whether somebody is still signed in. */
export interface SessionLook {
  goesOn(person: PersonPrincipal): Promise<boolean>;
}

/** What changes in a person's drive, as it does. */
export class DriveChanges {
  readonly #feed: EventFeed;
  readonly #sessions: SessionLook;

  constructor(feed: EventFeed, sessions: SessionLook) {
    this.#feed = feed;
    this.#sessions = sessions;
  }

  /** As EventFeed.read, of the person's own entries; ends soon after the session does. */
  async *read(
    person: PersonPrincipal,
    query: Omit<FeedQuery, 'owner' | 'types'>,
    signal: AbortSignal,
  ): AsyncGenerator<FeedPage> {
    const over = new AbortController();
    const either = new JoinedSignal(signal, over.signal);
    const looking = this.#look(person, either.signal, over);
    try {
      yield* this.#feed.read({ ...query, owner: person.owner, types: TYPES }, either.signal);
    } finally {
      over.abort();
      either.release();
      await looking;
    }
  }

  async #look(person: PersonPrincipal, signal: AbortSignal, over: AbortController): Promise<void> {
    while (!signal.aborted) {
      await sleep(LOOK_MS, undefined, { signal, ref: false }).catch(() => {});
      // Whether the session goes on is asked again where the database is away for a moment.
      if (!signal.aborted && !(await this.#sessions.goesOn(person).catch(() => true))) over.abort();
    }
  }
}
