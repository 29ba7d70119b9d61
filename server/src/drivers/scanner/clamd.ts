import { connect, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { Away } from '#core/away.ts';
import { orCancelled, throwIfCancelled } from '#core/cancellation.ts';
import { OsproxyError } from '#core/errors.ts';
import type { Scanner, ScanResult } from '#core/ports/scanner.ts';

/** `tcp://host:port` or `unix:/path`. */
export type ClamdAddress = { readonly host: string; readonly port: number } | { readonly path: string };

export interface ClamdOptions {
  readonly address: ClamdAddress;
  /** Milliseconds without any progress of a scan after which it is given up. */
  readonly timeoutMs: number;
  /** Milliseconds within which it is connected and answers that it is there. */
  readonly hereWithinMs?: number;
}

const HERE_WITHIN_MS = 5000;
const CHUNK_BYTES = 256 * 1024;
const MOST_ANSWER_BYTES = 4096;
const AWAY = 'The virus scanner cannot be reached.';

export function parseClamdAddress(text: string): ClamdAddress {
  if (text.startsWith('unix:')) return { path: text.slice('unix:'.length) };
  const url = new URL(text);
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port) };
}

/** Speaks the protocol of clamd, the daemon of ClamAV: a connection for each command, which ends with NUL ("z"). */
export class ClamdScanner implements Scanner {
  readonly #options: ClamdOptions;

  constructor(options: ClamdOptions) {
    this.#options = options;
  }

  async examine(): Promise<string> {
    return this.#ask('VERSION');
  }

  async scan(chunks: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<ScanResult> {
    // One that is there but hangs is found out by a question that costs nothing, before a file waits for it.
    const pong = await this.#ask('PING');
    if (pong !== 'PONG') throw new Away(AWAY, new Error(`It answers PING with "${shown(pong)}".`));
    throwIfCancelled(signal);
    const conversation = await this.#open();
    try {
      return await orCancelled(this.#instream(conversation, chunks), signal);
    } finally {
      conversation.close();
    }
  }

  /** INSTREAM: chunks with their length before them, in four bytes; one of no bytes ends the content. */
  async #instream(conversation: Conversation, chunks: AsyncIterable<Uint8Array>): Promise<ScanResult> {
    const { timeoutMs } = this.#options;
    conversation.write(Buffer.from('zINSTREAM\0'));
    for await (const chunk of chunks) {
      for (let at = 0; at < chunk.byteLength; at += CHUNK_BYTES) {
        // It may have said enough: of what is too large it does not read the rest.
        await conversation.listen();
        if (conversation.isOver) return resultOf(await conversation.answer(timeoutMs));
        const piece = chunk.subarray(at, at + CHUNK_BYTES);
        // The chunk belongs to whoever produced it, and the socket may keep what it is given.
        const framed = Buffer.allocUnsafe(4 + piece.byteLength);
        framed.writeUInt32BE(piece.byteLength);
        framed.set(piece, 4);
        conversation.write(framed);
        await conversation.drained(timeoutMs);
      }
    }
    conversation.write(Buffer.alloc(4));
    return resultOf(await conversation.answer(timeoutMs));
  }

  async #ask(command: string): Promise<string> {
    const conversation = await this.#open();
    try {
      conversation.write(Buffer.from(`z${command}\0`));
      return await conversation.answer(this.#options.hereWithinMs ?? HERE_WITHIN_MS);
    } catch (error) {
      throw new Away(AWAY, error);
    } finally {
      conversation.close();
    }
  }

  #open(): Promise<Conversation> {
    const { address, hereWithinMs = HERE_WITHIN_MS } = this.#options;
    const socket = connect(address);
    const conversation = new Conversation(socket);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => fail(new Error('It does not take the connection.')), hereWithinMs);
      const fail = (error: Error) => {
        clearTimeout(timer);
        conversation.close();
        reject(new Away(AWAY, error));
      };
      socket.once('error', fail);
      socket.once('connect', () => {
        clearTimeout(timer);
        socket.off('error', fail);
        resolve(conversation);
      });
    });
  }
}

/** One connection: what is written, and the one answer that ends it. */
class Conversation {
  readonly #socket: Socket;
  readonly #answer: Promise<string>;
  #isOver = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#answer = new Promise<string>((resolve, reject) => {
      let text = '';
      const end = (error?: Error) => {
        this.#isOver = true;
        const failure = error?.message ?? 'it ended the connection';
        if (text !== '') resolve(text.replace(/\0.*$/s, ''));
        else reject(unavailable(`The virus scanner broke off: ${failure}.`, error));
      };
      socket.on('data', (data: Buffer) => {
        text += data.toString('latin1');
        if (text.includes('\0') || text.length > MOST_ANSWER_BYTES) end();
      });
      socket.on('end', () => end());
      socket.on('error', end);
      socket.on('close', () => end());
    });
    // It counts when it is asked for.
    this.#answer.catch(() => {});
  }

  /** True when it has answered or is gone. */
  get isOver(): boolean {
    return this.#isOver;
  }

  write(bytes: Uint8Array): void {
    if (!this.#isOver) this.#socket.write(bytes);
  }

  /**
   * Hears what has arrived. A write into a connection that was closed takes away what was said last, so it is listened for first: within two
   * turns of the event loop everything is read that is there. What arrives in the instant between is lost, and the scan breaks off.
   */
  async listen(): Promise<void> {
    await turn();
    await turn();
  }

  /** Resolves when more can be written, or nothing need be. */
  async drained(withinMs: number): Promise<void> {
    if (this.#isOver || !this.#socket.writableNeedDrain) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#socket.once('drain', resolve);
    const over = this.#answer.then(
      () => {},
      () => {},
    );
    try {
      await within(Promise.race([promise, over]), withinMs);
    } finally {
      this.#socket.off('drain', resolve);
    }
  }

  answer(withinMs: number): Promise<string> {
    return within(this.#answer, withinMs);
  }

  close(): void {
    this.#socket.destroy();
  }
}

async function within<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(unavailable(`The virus scanner was silent for ${Math.ceil(ms / 1000)} seconds.`)),
      ms,
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Only its own words count as an answer: whatever else comes is no verdict. */
function resultOf(answer: string): ScanResult {
  if (answer === 'stream: OK') return { clean: true };
  const found = /^stream: (.+) FOUND$/s.exec(answer)?.[1];
  if (found !== undefined) return { found: shown(found) };
  if (/^INSTREAM size limit exceeded\. ERROR$/.test(answer)) return { tooLarge: true };
  throw unavailable(`The virus scanner could not scan it: "${shown(answer)}".`);
}

function shown(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 200);
}

function unavailable(message: string, cause?: unknown): OsproxyError {
  return new OsproxyError('Unavailable', message, { cause });
}
