import { setTimeout as sleep } from 'node:timers/promises';
import { Client, type ClientConfig } from 'pg';

const MOST_TRIES = 60;
const PAUSE_MS = 2000;

/** One that does nothing holds nothing. */
const END_SESSION =
  "select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1 and state <> 'idle'";

/**
 * Sessions whose connection was lost on this side alone. The server waits for the rest of what was being sent, without any of its time limits when the statement has arrived
 * and the message that ends it has not, and keeps the rows locked; so it is told to end them, by a new connection as soon as one can be made.
 */
export class LeftBehind {
  readonly #connect: ClientConfig;
  readonly #closing = new AbortController();
  #names: string[] = [];
  #ending: Promise<void> | undefined;
  #client: Client | undefined;

  constructor(connect: ClientConfig) {
    this.#connect = connect;
  }

  /** Takes the `application_name` of the session, which no other has. */
  end(name: string): void {
    if (this.#closing.signal.aborted) return;
    this.#names.push(name);
    this.#ending ??= this.#endAll();
  }

  /** Leaves what is left to the time limits of the server. */
  close(): void {
    this.#closing.abort();
    this.#client?.connection.stream.destroy();
  }

  /** Gives up after some minutes: then the server has noticed, or is another one. */
  async #endAll(): Promise<void> {
    const { signal } = this.#closing;
    for (let tries = 0; tries < MOST_TRIES && this.#names.length > 0 && !signal.aborted; tries += 1) {
      const pause = () => sleep(PAUSE_MS, undefined, { ref: false, signal }).catch(() => {});
      await this.#try().catch(pause);
    }
    this.#names = [];
    this.#ending = undefined;
  }

  async #try(): Promise<void> {
    const client = new Client(this.#connect);
    this.#client = client;
    client.on('error', () => {});
    try {
      await client.connect();
      for (let [next] = this.#names; next !== undefined; [next] = this.#names) {
        await client.query(END_SESSION, [next]);
        this.#names.shift();
      }
    } finally {
      // Without a goodbye, which may never be answered.
      client.connection.stream.destroy();
      this.#client = undefined;
    }
  }
}
