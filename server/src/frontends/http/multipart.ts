import { Busboy, type BusboyFileStream, type BusboyInstance } from '@fastify/busboy';
import type { FastifyRequest } from 'fastify';
import { OsproxyError } from '#core/errors.ts';
import { HttpError } from './http-error.ts';
import { type ReceiveOptions, receiveBody, tooLarge } from './receive.ts';
import { countReceived } from './scavenge.ts';

export interface FormFileOptions extends ReceiveOptions {
  /** Name of the part that holds the file; others are read and dropped. */
  readonly field: string;
}

export interface FormFile {
  /** As the client wrote it, path included; undefined where the part has none. */
  readonly filename: string | undefined;
  /** Plain fields that came before the file; the first value counts. */
  readonly fields: ReadonlyMap<string, string>;
  /** Ends only when the closing boundary was seen; can be iterated once; ending it early leaves the rest of the body unread. */
  readonly chunks: AsyncIterable<Buffer>;
}

/** Room for the other fields and the headers of the parts. */
const FORM_OVERHEAD_BYTES = 1024 * 1024;
const MAX_PARTS = 64;
const MAX_FIELD_BYTES = 64 * 1024;
const MAX_PART_HEADER_BYTES = 16 * 1024;
const MAX_FILE_NAME_LENGTH = 4096;
const MAX_BOUNDARY_LENGTH = 70;
/** Bytes the parser may run ahead of the consumer. */
const BUFFERED_BYTES = 256 * 1024;

/**
 * Reads a multipart/form-data body up to the named file part. Throws InvalidArgument for a body that is no such form or lacks the part,
 * and what receiveBody throws; the chunks throw the same, and InvalidArgument at their end when a second such part follows.
 */
export function receiveFormFile(request: FastifyRequest, options: FormFileOptions): Promise<FormFile> {
  const contentType = request.raw.headers['content-type'] ?? '';
  requireForm(contentType);
  const maxBytes = options.maxBytes + FORM_OVERHEAD_BYTES;
  const body = receiveBody(request, { ...options, maxBytes, keepsChunks: true });
  const form = new Form(makeParser(contentType), options);
  void form.feed(body);
  return form.file;
}

function requireForm(contentType: string): void {
  if (!/^multipart\/form-data\s*(;|$)/i.test(contentType)) {
    throw new HttpError(
      415,
      'Unsupported',
      'Send the file as multipart/form-data: the Content-Type of this request is something else.',
    );
  }
  const match = /;\s*boundary=(?:"([^"]+)"|([^\s;]+))/i.exec(contentType);
  const boundary = match?.[1] ?? match?.[2] ?? '';
  if (boundary.length === 0 || boundary.length > MAX_BOUNDARY_LENGTH) {
    throw malformed(`The Content-Type must name a boundary of 1 to ${MAX_BOUNDARY_LENGTH} characters`);
  }
}

function makeParser(contentType: string): BusboyInstance {
  try {
    return new Busboy({
      headers: { 'content-type': contentType },
      highWaterMark: BUFFERED_BYTES,
      fileHwm: BUFFERED_BYTES,
      preservePath: true,
      // A part with the file's name is the file even where the client gave it no file name.
      isPartAFile: () => true,
      limits: {
        files: MAX_PARTS,
        parts: MAX_PARTS,
        headerPairs: 32,
        headerSize: MAX_PART_HEADER_BYTES,
      },
    });
  } catch (cause) {
    throw malformed('The Content-Type of the form cannot be understood', cause);
  }
}

function malformed(what: string, cause?: unknown): OsproxyError {
  return new OsproxyError('InvalidArgument', `${what}.`, { details: { field: 'body' }, cause });
}

/** Drives the parser from the body and hands out the one file part. */
class Form {
  readonly file: Promise<FormFile>;
  readonly #parser: BusboyInstance;
  readonly #options: FormFileOptions;
  readonly #fields = new Map<string, string>();
  readonly #pendingFields: Promise<void>[] = [];
  readonly #found = Promise.withResolvers<FormFile>();
  /** Resolves when the closing boundary was seen and everything before it was read. */
  readonly #complete = Promise.withResolvers<void>();
  #stream: BusboyFileStream | undefined;
  #fieldBytes = 0;
  #failure: OsproxyError | undefined;
  #finished = false;

  constructor(parser: BusboyInstance, options: FormFileOptions) {
    this.#parser = parser;
    this.#options = options;
    this.file = this.#found.promise;
    this.#complete.promise.catch(() => {});
    parser.on('file', (name, stream, filename) => this.#part(name, stream, filename));
    parser.on('partsLimit', () => this.#fail(malformed(`The form has more than ${MAX_PARTS} parts`)));
    parser.on('filesLimit', () => this.#fail(malformed(`The form has more than ${MAX_PARTS} parts`)));
    parser.on('error', (cause) => {
      this.#fail(malformed('The form ends before its closing boundary, or is no form at all', cause));
    });
    parser.on('finish', () => this.#finish());
  }

  async feed(body: AsyncIterable<Buffer>): Promise<void> {
    try {
      for await (const chunk of body) {
        countReceived(chunk.length);
        await this.#write(chunk);
        if (this.#failure !== undefined) return;
      }
      if (!this.#finished) this.#parser.end();
    } catch (error) {
      this.#fail(error instanceof OsproxyError ? error : malformed('The form cannot be read', error));
    }
  }

  /** Resolves when the parser wants more, or when nothing more will be read. */
  #write(chunk: Buffer): Promise<void> {
    if (this.#finished) return Promise.resolve();
    return new Promise((resolve) => {
      this.#resume = resolve;
      this.#parser.write(chunk, () => resolve());
    });
  }

  #resume: () => void = () => {};

  #part(name: string | undefined, stream: BusboyFileStream, filename: string | undefined): void {
    stream.on('error', () => {});
    const { field } = this.#options;
    if (name !== field) {
      this.#other(name, stream, filename);
      return;
    }
    if (this.#stream !== undefined) {
      stream.resume();
      this.#fail(malformed(`The form has more than one part named "${field}"; send one file per form`));
      return;
    }
    if (filename !== undefined && filename.length > MAX_FILE_NAME_LENGTH) {
      stream.resume();
      this.#fail(malformed(`The file name is longer than ${MAX_FILE_NAME_LENGTH} characters`));
      return;
    }
    this.#stream = stream;
    // The values of fields arrive a little after the parser has moved on to the next part.
    void Promise.all(this.#pendingFields).then(() => {
      this.#found.resolve({ filename, fields: this.#fields, chunks: this.#chunks(stream) });
    });
  }

  /** Keeps small plain fields that come before the file; everything else is dropped. */
  #other(name: string | undefined, stream: BusboyFileStream, filename: string | undefined): void {
    if (
      name === undefined ||
      filename !== undefined ||
      this.#stream !== undefined ||
      this.#fields.has(name)
    ) {
      stream.resume();
      return;
    }
    const parts: Buffer[] = [];
    const ended = Promise.withResolvers<void>();
    this.#pendingFields.push(ended.promise);
    stream.on('data', (chunk: Buffer) => {
      this.#fieldBytes += chunk.length;
      if (this.#fieldBytes > MAX_FIELD_BYTES) {
        this.#fail(malformed(`The fields before the file are larger than ${MAX_FIELD_BYTES} bytes`));
      } else {
        // The parser uses its memory again.
        parts.push(Buffer.from(chunk));
      }
    });
    stream.on('end', () => {
      if (!this.#fields.has(name)) this.#fields.set(name, Buffer.concat(parts).toString('utf8'));
      ended.resolve();
    });
  }

  async *#chunks(stream: BusboyFileStream): AsyncGenerator<Buffer> {
    let received = 0;
    try {
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        if (this.#failure !== undefined) throw this.#failure;
        received += chunk.length;
        if (received > this.#options.maxBytes) throw tooLarge(this.#options.maxBytes);
        yield chunk;
      }
      await this.#complete.promise;
    } catch (error) {
      throw this.#failure ?? error;
    } finally {
      this.#fail(new OsproxyError('Cancelled', 'The form was not read to its end.'));
    }
  }

  #finish(): void {
    if (this.#failure !== undefined || this.#finished) return;
    this.#finished = true;
    this.#resume();
    if (this.#stream === undefined) {
      this.#fail(malformed(`The form has no part named "${this.#options.field}"`));
    }
    this.#complete.resolve();
  }

  #fail(failure: OsproxyError): void {
    if (this.#failure !== undefined) return;
    if (this.#finished && this.#stream !== undefined) return;
    this.#failure = failure;
    this.#found.reject(failure);
    this.#complete.reject(failure);
    this.#stream?.destroy(failure);
    this.#resume();
  }
}
