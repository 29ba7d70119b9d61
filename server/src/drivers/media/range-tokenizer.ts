import { AbstractTokenizer, EndOfStreamError, type IReadChunkOptions } from 'strtok3';
import { type ReadBytes, Refused } from './protocol.ts';

const BLOCK_BYTES = 64 * 1024;
const KEPT_BLOCKS = 32;

/** Reads a content in blocks, wherever its parser jumps, and stops it when it has had enough. */
export class RangeTokenizer extends AbstractTokenizer {
  readonly fileInfo: { size: number; mimeType: string };
  readonly #read: ReadBytes;
  readonly #maxBytes: number;
  readonly #blocks = new Map<number, Uint8Array>();
  #bytesRead = 0;

  constructor(file: { size: number; mimeType: string }, read: ReadBytes, maxBytes: number) {
    super();
    this.fileInfo = file;
    this.#read = read;
    this.#maxBytes = maxBytes;
  }

  supportsRandomAccess(): boolean {
    return true;
  }

  setPosition(position: number): void {
    this.position = position;
  }

  async readBuffer(target: Uint8Array, options?: IReadChunkOptions): Promise<number> {
    const count = await this.peekBuffer(target, options);
    this.position = (options?.position ?? this.position) + count;
    return count;
  }

  async peekBuffer(target: Uint8Array, options?: IReadChunkOptions): Promise<number> {
    const wanted = this.normalizeOptions(target, options);
    const length = Math.max(0, Math.min(wanted.length, this.fileInfo.size - wanted.position));
    if (length < wanted.length && wanted.mayBeLess !== true) throw new EndOfStreamError();
    for (let done = 0; done < length; ) {
      const at = wanted.position + done;
      const number = Math.floor(at / BLOCK_BYTES);
      const block = await this.#block(number);
      const piece = block.subarray(at - number * BLOCK_BYTES).subarray(0, length - done);
      target.set(piece, done);
      done += piece.byteLength;
    }
    return length;
  }

  async #block(number: number): Promise<Uint8Array> {
    const known = this.#blocks.get(number);
    if (known !== undefined) return known;
    const offset = number * BLOCK_BYTES;
    const length = Math.min(BLOCK_BYTES, this.fileInfo.size - offset);
    this.#bytesRead += length;
    if (this.#bytesRead > this.#maxBytes)
      throw new Refused('too-large', `What it is was not found in ${this.#maxBytes} of its bytes.`);
    const block = await this.#read(offset, length);
    const [oldest] = this.#blocks.keys();
    if (this.#blocks.size >= KEPT_BLOCKS && oldest !== undefined) this.#blocks.delete(oldest);
    this.#blocks.set(number, block);
    return block;
  }
}
