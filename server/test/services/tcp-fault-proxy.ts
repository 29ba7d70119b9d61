import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** `up`: from the client to the server; `down`: back. */
export type Direction = 'up' | 'down';

/**
 * How a connection breaks: `reset` ends both sides with RST, `end` tells the receiving side in an orderly way that this was all, `silence` forwards
 * nothing more in this direction while both sides stay connected.
 */
export type Breaking = 'reset' | 'end' | 'silence';

/** A connection breaks right after so many bytes of it went this way since the fault was set; a byte beyond them is never forwarded. */
interface BreakingPoint {
  readonly direction: Direction;
  readonly afterBytes: number;
  readonly how: Breaking;
  /** Connections that break; default: every one that comes so far. */
  readonly times?: number;
}

/** What the network does to every connection, also to those that stand already. */
export interface Conditions {
  /** Milliseconds that every piece of data is held, in both directions. */
  readonly delayMs?: number;
  /** Bytes per second of each connection and direction. */
  readonly bytesPerSecond?: number;
  /** New connections are taken, and then nothing is forwarded at all. */
  readonly deaf?: boolean;
  readonly breaking?: BreakingPoint;
}

/** Stands between a client and a server on loopback and does to their bytes what a bad network does. */
export class TcpFaultProxy {
  #target: number;
  readonly #lines = new Set<Line>();
  #server: Server;
  #port = 0;
  #conditions: Conditions = {};
  /** Connections that broke at a breaking point since the last change of conditions. */
  #broken = 0;

  private constructor(target: number) {
    this.#target = target;
    this.#server = this.#newServer();
  }

  /** Forwards to the port, from a free one of its own. */
  static async start(target: number): Promise<TcpFaultProxy> {
    const proxy = new TcpFaultProxy(target);
    await proxy.#listen();
    return proxy;
  }

  get port(): number {
    return this.#port;
  }

  get connections(): number {
    return this.#lines.size;
  }

  get broken(): number {
    return this.#broken;
  }

  /** Bytes of all connections of now that came to go this way since the last change of conditions. */
  passed(direction: Direction): number {
    return [...this.#lines].reduce((sum, line) => sum + line.passed(direction), 0);
  }

  /** Replaces all conditions; bytes count from now on. Lines that are silent already stay silent. */
  set(conditions: Conditions): void {
    this.#conditions = conditions;
    this.#broken = 0;
    for (const line of this.#lines) line.countAnew();
  }

  /** Ends every connection with RST; new ones are refused until `accept`. */
  async refuse(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.reset();
    await closed;
  }

  /** New connections lead to `target`, which stays what it was without it. */
  async accept(target = this.#target): Promise<void> {
    this.#target = target;
    if (this.#server.listening) return;
    this.#server = this.#newServer();
    await this.#listen();
  }

  /** Ends the connections of now with RST. */
  reset(): void {
    for (const line of this.#lines) line.reset();
  }

  close(): Promise<void> {
    return this.refuse();
  }

  #newServer(): Server {
    return createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#connect(client));
  }

  async #listen(): Promise<void> {
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  #connect(client: Socket): void {
    const { deaf = false } = this.#conditions;
    const line = new Line(client, deaf ? undefined : this.#target, {
      conditions: () => this.#conditions,
      breaks: (times) => {
        if (times !== undefined && this.#broken >= times) return false;
        this.#broken += 1;
        return true;
      },
      ended: () => this.#lines.delete(line),
    });
    this.#lines.add(line);
  }
}

interface Surroundings {
  conditions(): Conditions;
  /** True when this connection is one of those that break. */
  breaks(times: number | undefined): boolean;
  ended(): void;
}

/** One connection and the one behind it. */
class Line {
  readonly #client: Socket;
  readonly #server: Socket | undefined;
  readonly #around: Surroundings;
  readonly #stop = new AbortController();
  #passed = { up: 0, down: 0 };

  constructor(client: Socket, target: number | undefined, around: Surroundings) {
    this.#client = client;
    this.#around = around;
    this.#server =
      target === undefined
        ? undefined
        : connect({ port: target, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    for (const socket of this.#sockets()) {
      socket.on('error', () => this.reset());
      socket.on('close', () => this.#closed());
    }
    if (this.#server === undefined) {
      client.resume();
      return;
    }
    void this.#pump('up', client, this.#server);
    void this.#pump('down', this.#server, client);
  }

  countAnew(): void {
    this.#passed = { up: 0, down: 0 };
  }

  passed(direction: Direction): number {
    return this.#passed[direction];
  }

  reset(): void {
    this.#stop.abort();
    for (const socket of this.#sockets()) socket.resetAndDestroy();
  }

  #sockets(): readonly Socket[] {
    return this.#server === undefined ? [this.#client] : [this.#client, this.#server];
  }

  /** The end of one side for good ends the other; what was written to it still goes out. */
  #closed(): void {
    this.#stop.abort();
    for (const socket of this.#sockets()) if (!socket.destroyed) socket.destroySoon();
    if (this.#sockets().every((socket) => socket.closed)) this.#around.ended();
  }

  async #pump(direction: Direction, from: Socket, to: Socket): Promise<void> {
    const { signal } = this.#stop;
    let over = false;
    try {
      for await (const chunk of from as AsyncIterable<Buffer>) {
        if (over) continue;
        const { delayMs = 0, bytesPerSecond } = this.#around.conditions();
        const ms = delayMs + (bytesPerSecond === undefined ? 0 : (1000 * chunk.length) / bytesPerSecond);
        if (ms > 0) await sleep(ms, undefined, { signal });
        const { breaking } = this.#around.conditions();
        const left = this.#left(direction, breaking);
        this.#passed[direction] += chunk.length;
        if (breaking === undefined || chunk.length < left || !this.#around.breaks(breaking.times)) {
          await this.#write(to, chunk);
          continue;
        }
        if (left > 0) await this.#write(to, chunk.subarray(0, left));
        if (breaking.how === 'reset') return this.reset();
        if (breaking.how === 'silence') await once(signal, 'abort');
        over = true;
        to.end();
      }
      to.end();
    } catch {
      this.reset();
    }
  }

  #left(direction: Direction, breaking: BreakingPoint | undefined): number {
    if (breaking?.direction !== direction) return Number.POSITIVE_INFINITY;
    return Math.max(0, breaking.afterBytes - this.#passed[direction]);
  }

  async #write(to: Socket, bytes: Buffer): Promise<void> {
    if (to.destroyed) throw new Error('The other side is gone.');
    if (!to.write(bytes)) await once(to, 'drain', { signal: this.#stop.signal });
  }
}
