import { type Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { type Agent as HttpsAgent, request as httpsRequest } from 'node:https';

export interface PeerTimeouts {
  /** Until a connection stands. */
  readonly connectMs: number;
  /** From the request to the first byte of the answer. */
  readonly firstByteMs: number;
  /** Without a byte while one is due. */
  readonly idleMs: number;
}

export interface ExchangeOptions {
  readonly address: URL;
  readonly agents: { readonly http: HttpAgent; readonly https: HttpsAgent };
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeouts: PeerTimeouts;
  readonly signal: AbortSignal | undefined;
}

/** A connection that was kept open had been closed by the other side; nothing was done. */
export class StaleConnection extends Error {}

/** Sends one request without a body; resolves with the head of the answer, whose body is not read yet. */
export function exchange(options: ExchangeOptions): Promise<IncomingMessage> {
  const { address, agents, method, target, headers, timeouts, signal } = options;
  const secure = address.protocol === 'https:';
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const outgoing = (secure ? httpsRequest : httpRequest)({
    agent: secure ? agents.https : agents.http,
    host: address.hostname.replace(/^\[|\]$/g, ''),
    port: address.port || (secure ? 443 : 80),
    method,
    path: target,
    headers,
  });
  let timer: NodeJS.Timeout | undefined;
  const within = (ms: number, message: string): void => {
    clearTimeout(timer);
    timer = setTimeout(() => outgoing.destroy(new Error(message)), ms);
  };
  const onAbort = (): void => void outgoing.destroy(new Error('The request was cancelled.'));
  const settle = (): void => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  };
  const wait = () => within(timeouts.firstByteMs, `There was no answer within ${timeouts.firstByteMs} ms.`);
  outgoing.on('socket', (socket) => {
    if (!socket.connecting) return wait();
    within(timeouts.connectMs, `There was no connection within ${timeouts.connectMs} ms.`);
    socket.once(secure ? 'secureConnect' : 'connect', wait);
  });
  outgoing.on('response', (response) => {
    settle();
    // What goes wrong later reaches whoever reads the body; without a listener it would end the process.
    response.on('error', () => undefined);
    resolve(response);
  });
  outgoing.on('error', (error: NodeJS.ErrnoException) => {
    settle();
    const stale = outgoing.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
    reject(stale && signal?.aborted !== true ? new StaleConnection(error.message, { cause: error }) : error);
  });
  if (signal?.aborted) onAbort();
  else signal?.addEventListener('abort', onAbort, { once: true });
  outgoing.end();
  return promise;
}
