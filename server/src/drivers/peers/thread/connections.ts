import { Connection } from './connection.ts';

/** Idle ones kept for one address; more than that are closed. */
const MOST_IDLE = 64;

export interface Lent {
  readonly connection: Connection;
  /** True when it stood already: the other side may have closed it just now. */
  readonly isReused: boolean;
}

/** The connections of this thread, each used again for the next request to the same address. */
export class Connections {
  readonly #idle = new Map<string, Connection[]>();

  take(address: string): Lent {
    const connection = this.#idle.get(address)?.pop();
    if (connection !== undefined) return { connection, isReused: true };
    const fresh: Connection = new Connection(new URL(address), () => this.#forget(address, fresh));
    return { connection: fresh, isReused: false };
  }

  /** For one whose answer was read to its end. */
  give(address: string, connection: Connection): void {
    const idle = this.#idle.get(address) ?? [];
    if (idle.length >= MOST_IDLE) {
      connection.destroy();
      return;
    }
    this.#idle.set(address, idle);
    idle.push(connection);
    connection.rest();
  }

  #forget(address: string, connection: Connection): void {
    const idle = this.#idle.get(address);
    const index = idle?.indexOf(connection) ?? -1;
    if (index >= 0) idle?.splice(index, 1);
    if (idle?.length === 0) this.#idle.delete(address);
  }
}
