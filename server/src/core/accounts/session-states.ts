import type { SessionState } from '../model/session.ts';
import type { Coordinator } from '../ports/coordinator.ts';
import type { Metadata } from '../ports/metadata.ts';

const CHANGED = 'sessions-changed';
/** Longest that a change made elsewhere goes unseen where messages are lost. */
const TTL_MS = 2_000;
const MOST = 20_000;

interface Known {
  readonly state: SessionState | undefined;
  /** On the monotonic clock. */
  readonly until: number;
}

/** Whether sessions go on, remembered for two seconds; a change is seen here at once and on other nodes as soon as they hear of it. */
export class SessionStates {
  readonly #metadata: Metadata;
  readonly #coordinator: Coordinator;
  readonly #known = new Map<string, Known>();
  /** What was read before a change is never remembered after it. */
  #changes = 0;
  #unsubscribe: (() => void) | undefined;

  constructor(metadata: Metadata, coordinator: Coordinator) {
    this.#metadata = metadata;
    this.#coordinator = coordinator;
  }

  async find(sessionId: string): Promise<SessionState | undefined> {
    this.#unsubscribe ??= this.#coordinator.subscribe(CHANGED, () => this.#forget());
    const now = performance.now();
    const known = this.#known.get(sessionId);
    if (known !== undefined && known.until > now) return known.state;
    const before = this.#changes;
    const state = await this.#metadata.sessions.state(sessionId);
    if (before === this.#changes) {
      if (this.#known.size >= MOST) this.#known.clear();
      this.#known.set(sessionId, { state, until: now + TTL_MS });
    }
    return state;
  }

  /** To be called after the commit of any change to users or the end of sessions. */
  async changed(): Promise<void> {
    this.#forget();
    // The change itself is committed: where others cannot be told, what they know ends with its time.
    await this.#coordinator.publish(CHANGED, '').catch(() => {});
  }

  close(): void {
    this.#unsubscribe?.();
  }

  /** Such changes are rare, and reading anew costs little. */
  #forget(): void {
    this.#changes += 1;
    this.#known.clear();
  }
}
