import { once } from 'node:events';
import { type AddressInfo, createServer, isIPv6, type Server, type Socket } from 'node:net';

/** Connections that may wait while every process is being started anew, and for how long. */
const MOST_HELD = 1024;
const HOLD_MS = 30_000;
const EMPTY_WITHIN_MS = 2000;

/** A process that serves connections. */
export interface Taker {
  /** Takes over the socket; ready for the next one when it says so to free(). */
  take(socket: Socket): void;
}

interface Held {
  readonly socket: Socket;
  readonly timer: NodeJS.Timeout;
}

/**
 * Accepts the connections of a node and gives each to the next process that is free: one that is slow to take its last one gets no other.
 * Where no process is free they wait a while, so that a process that died is not noticed at the port.
 */
export class FrontDoor {
  readonly #server: Server;
  readonly #free: Taker[] = [];
  readonly #held: Held[] = [];
  #onEmpty: (() => void) | undefined;
  #closed = false;

  constructor() {
    this.#server = createServer({ pauseOnConnect: true, noDelay: true }, (socket) => {
      // A client that resets its connection while it waits here is no failure.
      socket.on('error', () => {});
      this.give(socket);
    });
  }

  /** Resolves with the base address; rejects with the system's error where the port cannot be had. */
  async open(host: string, port: number): Promise<string> {
    this.#server.listen({ host, port });
    await once(this.#server, 'listening');
    const { address, port: chosen } = this.#server.address() as AddressInfo;
    return `http://${isIPv6(address) ? `[${address}]` : address}:${chosen}`;
  }

  /** The process can take a connection. */
  free(taker: Taker): void {
    const held = this.#held.shift();
    if (held === undefined) {
      this.#free.push(taker);
      return;
    }
    clearTimeout(held.timer);
    taker.take(held.socket);
    if (this.#held.length === 0) this.#onEmpty?.();
  }

  /** To the next process that is free. */
  give(socket: Socket): void {
    const taker = this.#free.shift();
    if (taker !== undefined) taker.take(socket);
    else if (this.#closed || this.#held.length >= MOST_HELD) socket.destroy();
    else this.#held.push({ socket, timer: setTimeout(() => this.#tooLong(socket), HOLD_MS) });
  }

  /** The process takes no more connections. */
  remove(taker: Taker): void {
    const place = this.#free.indexOf(taker);
    if (place >= 0) this.#free.splice(place, 1);
  }

  /** Accepts nothing more, and resolves when what was accepted is given away. */
  async close(): Promise<void> {
    // The turn that comes now accepts what the system has connected already, which closing the port would reset.
    await new Promise((resolve) => setImmediate(resolve));
    // Sockets that were given away would hold its callback back, so nobody waits for it.
    this.#server.close();
    if (this.#held.length > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, EMPTY_WITHIN_MS);
        this.#onEmpty = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#closed = true;
    for (const { socket, timer } of this.#held.splice(0)) {
      clearTimeout(timer);
      socket.destroy();
    }
  }

  #tooLong(socket: Socket): void {
    const place = this.#held.findIndex((held) => held.socket === socket);
    if (place >= 0) this.#held.splice(place, 1);
    socket.destroy();
    if (this.#held.length === 0) this.#onEmpty?.();
  }
}
