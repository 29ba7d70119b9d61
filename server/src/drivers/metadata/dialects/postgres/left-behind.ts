import { setTimeout as sleep } from 'node:timers/promises';
import { Client, type ClientConfig } from 'pg';

/** A session of the server; no other ever has both of these. */
export interface ServerSession {
  readonly pid: number;
  /** As the server prints it. */
  readonly begunAt: string;
}

const MOST_TRIES = 60;
const PAUSE_MS = 2000;

/** One that does nothing holds nothing. */
const END_SESSION =
  "select pg_terminate_backend(pid) from pg_stat_activity where pid = $1 and backend_start = $2::timestamptz and state <> 'idle'";

/**
 * Sessions whose connection was lost on this side alone. The server waits for the rest of what was being sent, without any of its time limits when the statement has arrived
 * and the message that ends it has not, and keeps the rows locked; so it is told to end them, by a new connection as soon as one can be made.
 */
export class LeftBehind {
  readonly #connect: ClientConfig;
  #sessions: ServerSession[] = [];
  #ending: Promise<void> | undefined;

  constructor(connect: ClientConfig) {
    this.#connect = connect;
  }

  end(session: ServerSession): void {
    this.#sessions.push(session);
    this.#ending ??= this.#endAll();
  }

  /** Gives up after some minutes: then the server has noticed, or is another one. */
  async #endAll(): Promise<void> {
    for (let tries = 0; tries < MOST_TRIES && this.#sessions.length > 0; tries += 1) {
      if (tries > 0) await sleep(PAUSE_MS, undefined, { ref: false });
      await this.#try().catch(() => {});
    }
    this.#sessions = [];
    this.#ending = undefined;
  }

  async #try(): Promise<void> {
    const client = new Client(this.#connect);
    client.on('error', () => {});
    try {
      await client.connect();
      for (let [next] = this.#sessions; next !== undefined; [next] = this.#sessions) {
        await client.query(END_SESSION, [next.pid, next.begunAt]);
        this.#sessions.shift();
      }
    } finally {
      await client.end().catch(() => {});
    }
  }
}
