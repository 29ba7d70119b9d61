import type { Socket } from 'node:net';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { OsproxyError } from '#core/errors.ts';
import type { AnonymousPrincipal, Principal } from '#core/model/principal.ts';
import type { TransferNote } from '#core/usage/transfer-note.ts';

const ANONYMOUS: AnonymousPrincipal = { kind: 'anonymous' };

/** One request and its answer, from the first hook until the answer is out or the connection is gone. */
export class Exchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly socket: Socket;
  /** Address of the client, or what a trusted proxy says it is; known even when the connection is gone. */
  readonly remote: string | undefined;
  readonly startedAt = performance.now();
  principal: Principal = ANONYMOUS;
  /** Bytes of request content that were read. */
  bytesIn = 0;
  /** Bytes of content sent by a front end that writes to the socket itself. */
  bytesOut: number | undefined;
  /** Bytes of content that the head of such an answer announced. */
  bytesPromised: number | undefined;
  /** Set once content of a file is to be transferred. */
  transfer: TransferNote | undefined;
  /** True when the connection is that of a trusted proxy, which sends the requests of many clients over it. */
  readonly ofProxy: boolean;
  /** True while a receiver reads the body and watches its pace. */
  receiving = false;
  readonly #draining: () => boolean;
  #controller: AbortController | undefined;
  #reason: OsproxyError | undefined;
  #over = false;
  #listeners: (() => void)[] | undefined;

  constructor(request: FastifyRequest, reply: FastifyReply, draining: () => boolean) {
    this.#draining = draining;
    this.request = request;
    this.reply = reply;
    this.socket = request.raw.socket;
    this.remote = request.ip;
    this.ofProxy = (request.ips?.length ?? 0) > 1;
  }

  /** True when the answer must tell the client not to send another request here. */
  lastOfConnection(): boolean {
    return this.#draining();
  }

  /** All content has left this process; a client that counts may go away before the answer is ended as well. */
  get contentIsOut(): boolean {
    return this.bytesPromised !== undefined && this.bytesOut === this.bytesPromised;
  }

  /** Why the exchange was given up; undefined while it goes well. */
  get reason(): OsproxyError | undefined {
    return this.#reason;
  }

  /** Made at the first call, so that requests nobody cancels cost nothing. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** Calls back once, when the exchange is given up or over; at once when it is already. */
  onGone(listener: () => void): void {
    if (this.#over || this.#reason !== undefined) listener();
    else if (this.#listeners === undefined) this.#listeners = [listener];
    else this.#listeners.push(listener);
  }

  /** Stops the work behind the exchange; the first reason counts. */
  abort(reason: OsproxyError): void {
    if (this.#over || this.#reason !== undefined) return;
    this.#reason = reason;
    this.#controller?.abort(reason);
    this.#tell();
  }

  /** The answer is out, or the connection is gone before it was; true the first time. */
  finish(complete: boolean): boolean {
    if (this.#over) return false;
    if (!complete) {
      this.abort(new OsproxyError('Cancelled', 'The client went away before the answer was complete.'));
    }
    this.#over = true;
    this.#tell();
    return true;
  }

  #tell(): void {
    const listeners = this.#listeners;
    this.#listeners = undefined;
    if (listeners !== undefined) for (const listener of listeners) listener();
  }
}
