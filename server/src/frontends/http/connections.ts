import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Server as NetServer, type Socket } from 'node:net';
import { OsproxyError } from '#core/errors.ts';
import type { Exchange } from './exchange.ts';
import { HttpError } from './http-error.ts';

/** Time an aborted request gets to say so before its connection is cut. */
const LAST_WORD_MS = 500;
/**
 * Time an idle connection of a client stays open after the service began to stop: what is on its way over it is still answered. That of a proxy
 * stays until the proxy closes it or its time is over: one that has many clients is sure to be sending something just now.
 */
const IDLE_LINGER_MS = 500;
const QUICK_TURN_MS = 0.2;
const MOST_TURNS = 200;

export interface ConnectionsOptions {
  /** Milliseconds without a byte in either direction after which a connection that waits for its client is ended. */
  readonly idleMs: number;
  /** Milliseconds that an idle connection is kept open. */
  readonly keepAliveMs: number;
  /** Called once per exchange, when its answer is out or its connection is gone. */
  readonly onFinished: (exchange: Exchange, complete: boolean) => void;
  /** Called for bytes that are not HTTP; answers on the socket and closes it. */
  readonly onMalformed: (error: Error & { code?: string }, socket: Socket) => void;
}

/** Knows every connection and every open exchange of the server; ends them in order. */
export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #servers: Server[] = [];
  readonly #sockets = new Map<Socket, Set<Exchange>>();
  readonly #ofProxies = new WeakSet<Socket>();
  #mayIdle: (socket: Socket) => boolean = () => true;
  #open = 0;
  #drained: Promise<number> | undefined;
  #onNothingOpen: (() => void) | undefined;
  #onNoSocket: (() => void) | undefined;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
  }

  get draining(): boolean {
    return this.#drained !== undefined;
  }

  watch(server: Server): void {
    this.#servers.push(server);
    server.on('connection', (socket: Socket) => this.#connected(socket));
    server.on('timeout', (socket: Socket) => this.#idle(socket));
    server.on('clientError', (error, duplex) => this.#malformed(error, duplex as Socket));
    server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
      // The client is told to go on when somebody starts to read, so that a refused body is never sent.
      request.once('resume', () => {
        if (!response.headersSent && !response.destroyed) response.writeContinue();
      });
      server.emit('request', request, response);
    });
  }

  begin(exchange: Exchange): void {
    const exchanges = this.#sockets.get(exchange.socket);
    exchanges?.add(exchange);
    if (exchange.ofProxy) this.#ofProxies.add(exchange.socket);
    this.#open += 1;
    const response = exchange.reply.raw;
    response.once('close', () => this.#finish(exchange, response.writableFinished));
  }

  /**
   * Takes no new connection, lets open exchanges end within the time and aborts the others; resolves with their number. Every answer from now
   * on ends its connection. A connection that is idle is closed after half a second, not at once, so that a request that is on its way over
   * it is answered; that of a trusted proxy stays open for as long as idle ones always do.
   */
  drain(graceMs: number): Promise<number> {
    this.#drained ??= this.#drain(graceMs);
    return this.#drained;
  }

  #connected(socket: Socket): void {
    this.#sockets.set(socket, new Set());
    socket.once('close', () => {
      const left = this.#sockets.get(socket);
      this.#sockets.delete(socket);
      if (this.#sockets.size === 0) this.#onNoSocket?.();
      // Pipelined requests whose answer never reached the socket hear of its end only here.
      if (left !== undefined) for (const exchange of left) this.#finish(exchange, false);
    });
  }

  #finish(exchange: Exchange, ended: boolean): void {
    const complete = ended || exchange.contentIsOut;
    if (!exchange.finish(complete)) return;
    this.#open -= 1;
    const exchanges = this.#sockets.get(exchange.socket);
    exchanges?.delete(exchange);
    this.#options.onFinished(exchange, complete);
    if (!this.draining) return;
    // An answer that was begun before has not told the client that its connection ends.
    if (exchanges?.size === 0 && !this.#mayIdle(exchange.socket)) exchange.socket.destroySoon();
    if (this.#open === 0) this.#onNothingOpen?.();
  }

  /** A server that is still working, or that is slow itself, keeps the connection; a silent client does not. */
  #idle(socket: Socket): void {
    const exchanges = this.#sockets.get(socket);
    const [exchange] = exchanges ?? [];
    if (exchange === undefined) {
      socket.destroy();
      return;
    }
    const { request, reply } = exchange;
    const waitsForBody = !request.raw.complete && !reply.raw.headersSent && !exchange.receiving;
    if (waitsForBody && !reply.sent && isBeingRead(request.raw)) {
      const seconds = this.#options.idleMs / 1000;
      const message = `No byte of the request body came for ${seconds} seconds.`;
      reply.send(new HttpError(408, 'Cancelled', message, { headers: { connection: 'close' } }));
    } else if (socket.writableLength > 0 || (waitsForBody && reply.sent)) {
      socket.destroy();
      return;
    }
    socket.setTimeout(this.#options.idleMs);
  }

  #malformed(error: Error & { code?: string }, socket: Socket): void {
    const exchanges = this.#sockets.get(socket);
    const answering = [...(exchanges ?? [])].some((exchange) => exchange.reply.raw.headersSent);
    if (error.code === 'ECONNRESET' || !socket.writable || answering) {
      socket.destroy();
      return;
    }
    this.#options.onMalformed(error, socket);
  }

  async #drain(graceMs: number): Promise<number> {
    const deadline = performance.now() + graceMs;
    const deadlineOfIdle = performance.now() + Math.min(graceMs, this.#options.keepAliveMs);
    await quickTurn();
    const closed = this.#servers.map(stopListening);
    const ofProxy = (socket: Socket): boolean => this.#ofProxies.has(socket);
    await this.#closeIdleAfter(Math.min(graceMs, IDLE_LINGER_MS), ofProxy);
    if ([...this.#sockets.keys()].some(ofProxy))
      await this.#closeIdleAfter(deadlineOfIdle - performance.now(), () => false);
    this.#mayIdle = () => false;
    await this.#nothingOpenWithin(deadline - performance.now());
    const aborted = this.#open;
    if (aborted > 0) {
      const reason = new OsproxyError('Unavailable', 'The service is shutting down; try again.', {
        retryAfterSeconds: 5,
      });
      for (const exchanges of this.#sockets.values()) {
        for (const exchange of exchanges) exchange.abort(reason);
      }
      await this.#nothingOpenWithin(LAST_WORD_MS);
    }
    for (const [socket, exchanges] of this.#sockets) {
      if (exchanges.size > 0 || !socket.writableEnded) socket.destroy();
    }
    await this.#noSocketWithin(LAST_WORD_MS);
    for (const socket of this.#sockets.keys()) socket.destroy();
    await Promise.all(closed);
    return aborted;
  }

  async #closeIdleAfter(ms: number, mayIdle: (socket: Socket) => boolean): Promise<void> {
    await this.#noSocketWithin(ms);
    // The turn that comes now reads what has arrived, so that a request which is here already is not cut off.
    await new Promise((resolve) => setImmediate(resolve));
    this.#mayIdle = mayIdle;
    for (const [socket, exchanges] of this.#sockets)
      if (exchanges.size === 0 && !mayIdle(socket)) socket.destroySoon();
  }

  async #noSocketWithin(ms: number): Promise<void> {
    if (this.#sockets.size === 0 || ms <= 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#onNoSocket = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#onNoSocket = undefined;
  }

  async #nothingOpenWithin(ms: number): Promise<void> {
    if (this.#open === 0 || ms <= 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#onNothingOpen = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#onNothingOpen = undefined;
  }
}

/**
 * Resolves right after a turn of the event loop that had next to nothing to do. Such a turn has accepted what the system had connected, and
 * so little time has passed since then that closing the port resets nobody. A service without such a turn is not waited for.
 */
async function quickTurn(): Promise<void> {
  for (let turn = 0; turn < MOST_TURNS; turn += 1) {
    const began = performance.now();
    await new Promise((resolve) => setImmediate(resolve));
    if (turn > 0 && performance.now() - began < QUICK_TURN_MS) return;
  }
}

/** Unlike close() of an HTTP server, leaves idle connections open. Resolves when the last connection is gone. */
function stopListening(server: Server): Promise<void> {
  return new Promise((resolve) => {
    if (server.listening) NetServer.prototype.close.call(server, () => resolve());
    else resolve();
  });
}

function isBeingRead(request: IncomingMessage): boolean {
  return request.readableFlowing === true;
}
