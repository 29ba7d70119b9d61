import type { JoinedSignal } from '#core/cancellation.ts';
import { toOsproxyError } from '#core/errors.ts';
import { MultipartUpload } from './multipart-upload.ts';
import type { S3Connection } from './s3-connection.ts';

/** Sends steps of one multipart upload side by side, in memory that never exceeds part size × concurrency. */
export class PartSender {
  readonly #connection: S3Connection;
  readonly #call: JoinedSignal;
  readonly #upload: MultipartUpload;
  readonly #limit: number;
  readonly #running = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | undefined;
  #extra = 0;
  #next = 1;

  private constructor(connection: S3Connection, call: JoinedSignal, upload: MultipartUpload, limit: number) {
    this.#connection = connection;
    this.#call = call;
    this.#upload = upload;
    this.#limit = limit;
  }

  /** `limit` steps at one time, ≥ 1. */
  static async begin(
    connection: S3Connection,
    key: string,
    call: JoinedSignal,
    limit: number,
  ): Promise<PartSender> {
    return new PartSender(connection, call, await MultipartUpload.begin(connection, key, call.signal), limit);
  }

  /** A free buffer for the next part; waits where the memory is used up. */
  async buffer(bytes: number): Promise<Buffer> {
    while (this.#running.size > 0 && !this.#mayGrow()) await this.#step();
    this.#check();
    return this.#connection.buffers.take(bytes);
  }

  /** Sends the bytes as the next part; the buffer is not the caller's any more. */
  send(buffer: Buffer, length: number): void {
    const number = this.#number();
    this.#track(async () => {
      try {
        await this.#upload.uploadPart(number, buffer.subarray(0, length));
      } finally {
        this.#connection.buffers.give(buffer);
      }
    });
  }

  /** Runs a step that needs no buffer, as soon as there is a place for it. */
  async run(step: (upload: MultipartUpload, number: number) => Promise<void>): Promise<void> {
    while (this.#running.size >= this.#limit) await this.#step();
    this.#check();
    const number = this.#number();
    this.#track(() => step(this.#upload, number));
  }

  /** Waits for every step, then joins the parts. */
  async complete(size: number): Promise<void> {
    while (this.#running.size > 0) await this.#step();
    this.#check();
    this.#call.signal.throwIfAborted();
    await this.#upload.complete(size);
    this.#giveBack();
  }

  /** Ends the steps under way and takes everything back. Resolves to why it failed: a failed step, or else what the caller saw. */
  async abandon(seen: unknown): Promise<unknown> {
    this.#call.abort(seen);
    await Promise.allSettled(this.#running);
    this.#giveBack();
    await this.#upload.abort();
    return this.#failure?.error ?? seen;
  }

  #number(): number {
    const number = this.#next;
    this.#next += 1;
    return number;
  }

  /** A buffer is in use while it is filled and while it is sent; one is always allowed, more from the common allowance. */
  #mayGrow(): boolean {
    if (this.#running.size >= this.#limit) return false;
    if (this.#running.size <= this.#extra) return true;
    if (!this.#connection.buffers.borrowExtra()) return false;
    this.#extra += 1;
    return true;
  }

  #track(step: () => Promise<void>): void {
    const running = step()
      .catch((error: unknown) => {
        this.#failure ??= { error };
        // Whoever waits for the source must not wait on.
        this.#call.abort(toOsproxyError(error));
      })
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  async #step(): Promise<void> {
    await Promise.race(this.#running);
    this.#check();
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #giveBack(): void {
    for (; this.#extra > 0; this.#extra -= 1) this.#connection.buffers.returnExtra();
  }
}
