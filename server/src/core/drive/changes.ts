import type { EventFeed, FeedPage, FeedQuery } from '../events/event-feed.ts';
import type { PersonPrincipal } from '../model/principal.ts';

const TYPES = ['entry.*', 'share.*'];

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

  /** As EventFeed.read, of the person's own entries and shares; ends soon after the session does. */
  read(
    person: PersonPrincipal,
    query: Omit<FeedQuery, 'owner' | 'types'>,
    signal: AbortSignal,
  ): AsyncGenerator<FeedPage> {
    const own = { ...query, owner: person.owner, types: TYPES };
    return this.#feed.read(own, () => this.#sessions.goesOn(person), signal);
  }
}
