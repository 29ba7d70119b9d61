import { isIP, connect as netConnect, type Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';

/** Below the time that a node keeps a silent connection, so that it is rarely found closed. */
const IDLE_MS = 5_000;

/** Where bytes go that have no place of their own yet: heads, and the first ones after a pause. Read out before anybody reads again. */
const scratch = Buffer.allocUnsafeSlow(4096);

/** Who reads an answer from a connection. */
export interface Receiver {
  connected(): void;
  /** Memory for the next bytes, at least one; undefined where there is none yet. It belongs to the connection until the next call. */
  room(): Buffer | undefined;
  /** Bytes in the room that was given, or elsewhere and then valid only during the call. False: no more until resume(). */
  received(bytes: Buffer, inRoom: boolean): boolean;
  broke(error: NodeJS.ErrnoException): void;
}

/** One connection to a node, which answers one request after another. Bytes are read by the system straight into the receiver's memory. */
export class Connection {
  readonly #socket: Socket;
  #receiver: Receiver | undefined;
  #room: Buffer | undefined;
  #isPaused = false;
  isConnected = false;
  /** As the Host header says it. */
  readonly host: string;

  /** `onClosed` is called once, when the connection is of no more use. */
  constructor(address: URL, onClosed: () => void) {
    this.host = address.host;
    const secure = address.protocol === 'https:';
    const host = address.hostname.replace(/^\[|\]$/g, '');
    const options = {
      host,
      port: Number(address.port || (secure ? 443 : 80)),
      servername: isIP(host) === 0 ? host : '',
      onread: { buffer: () => this.#nextRoom(), callback: (count: number) => this.#onRead(count) },
    };
    this.#socket = secure ? tlsConnect(options) : netConnect(options);
    this.#socket.setNoDelay(true);
    this.#socket.once(secure ? 'secureConnect' : 'connect', () => {
      this.isConnected = true;
      this.#receiver?.connected();
    });
    this.#socket.on('timeout', () => {
      if (this.#receiver === undefined) this.#socket.destroy();
    });
    this.#socket.on('error', (error) => this.#broke(error));
    this.#socket.on('end', () => this.#broke(new Error('The other side closed the connection.')));
    this.#socket.on('close', () => {
      this.#broke(new Error('The connection was closed.'));
      onClosed();
    });
  }

  /** Sends a request, whose answer goes to the receiver until rest() or destroy(). */
  begin(receiver: Receiver, request: string): void {
    this.#receiver = receiver;
    this.#socket.setTimeout(0);
    this.#socket.write(request, 'latin1');
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#socket.resume();
  }

  /** The answer is over; the connection waits for the next request, for a while. */
  rest(): void {
    this.#receiver = undefined;
    this.#socket.setTimeout(IDLE_MS);
  }

  /** The receiver hears nothing more. */
  destroy(): void {
    this.#receiver = undefined;
    this.#socket.destroy();
  }

  #nextRoom(): Buffer {
    this.#room = this.#receiver?.room();
    return this.#room ?? scratch;
  }

  #onRead(count: number): boolean {
    const receiver = this.#receiver;
    if (receiver === undefined) {
      // Nobody asked for anything.
      this.#socket.destroy();
      return false;
    }
    const inRoom = this.#room !== undefined;
    const goesOn = receiver.received((this.#room ?? scratch).subarray(0, count), inRoom);
    // TLS gives what it has decrypted already also after a pause.
    if (goesOn) this.resume();
    else this.#isPaused = true;
    return goesOn;
  }

  #broke(error: NodeJS.ErrnoException): void {
    const receiver = this.#receiver;
    this.destroy();
    receiver?.broke(error);
  }
}
