import { Readable } from 'node:stream';

const SLICE_BYTES = 256 * 1024;

/**
 * A body whose chunks the request handler takes one by one, each only after the one before has left for the network, so that nothing is
 * copied or read ahead. It is a Readable only because the SDK takes no other kind of stream.
 */
export class StreamBody extends Readable {
  readonly chunks: AsyncIterable<Uint8Array>;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    super();
    this.chunks = chunks;
  }

  override _read(): void {
    this.destroy(new Error('A StreamBody is read by its chunks.'));
  }
}

/** A request's body in pieces that are small enough to see progress by. */
export async function* piecesOf(body: unknown): AsyncGenerator<Uint8Array> {
  if (body instanceof StreamBody) {
    for await (const chunk of body.chunks) yield* slices(chunk);
  } else if (body instanceof Uint8Array) {
    yield* slices(body);
  } else if (typeof body === 'string') {
    yield* slices(Buffer.from(body));
  } else if (body !== undefined && body !== null) {
    throw new TypeError('A request body must be bytes, text or a StreamBody.');
  }
}

function* slices(bytes: Uint8Array): Generator<Uint8Array> {
  for (let from = 0; from < bytes.length; from += SLICE_BYTES) yield bytes.subarray(from, from + SLICE_BYTES);
}
