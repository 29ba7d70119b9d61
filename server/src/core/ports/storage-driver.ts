/**
 * Where a put gets its bytes. A chunk belongs to the consumer only until it asks for the next one:
 * whoever keeps a chunk longer must copy it.
 */
export interface ByteSource {
  /** Total bytes, when known before the first one arrives. */
  readonly size: number | undefined;
  /** True when open() may be called again and gives the same bytes. */
  readonly replayable: boolean;
  open(): AsyncIterable<Uint8Array>;
}

/** A run of bytes: 0 ≤ offset, 0 < length, offset + length ≤ size. */
export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

export interface ObjectStat {
  /** Bytes. */
  readonly size: number;
  readonly modifiedAt: Date;
}

export interface StoredObject {
  /** Bytes of the whole object, whatever range was asked. */
  readonly size: number;
  /**
   * The bytes of the range, exactly. A chunk is valid until the next is asked for. Ending the iteration early (return)
   * frees everything behind it; iterate at most once. A failure in the middle throws: it never pads or ends early.
   */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** The whole range at once, where it is in memory already; not to be changed by the consumer. */
  readonly bytes?: Uint8Array;
  /** Frees the object when `chunks` is never iterated. Safe to call at any time, any number of times. */
  close(): Promise<void>;
}

export interface ListedObject extends ObjectStat {
  readonly key: string;
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface PutOptions extends CallOptions {
  /** MD5 of the whole body where it is known beforehand, for stores that can check it in transit. Lower-case hex. */
  readonly md5?: string | undefined;
}

/**
 * A place that keeps immutable objects by opaque key. Keys match [a-z0-9/_-]{1,200}, have no empty segment, are never the folder of another key, and are never used twice for
 * different bytes. Every rejection is an OsproxyError: NotFound, RangeNotSatisfiable, InvalidArgument, QuotaExceeded (no space),
 * PermissionDenied, Unavailable (retryable), Cancelled (the signal fired) or Internal, with the vendor's error as its cause.
 */
export interface StorageDriver {
  /** True when only this node can read what it put (a local folder that is not shared). */
  readonly nodeLocal: boolean;

  /**
   * Stores the whole source or nothing. Resolves only when the bytes are durable; then stat, open and list see them. Rejects and
   * leaves nothing visible when the source throws, ends short of or runs over a declared size, or the signal fires.
   * A put to an existing key replaces it whole. Returns the bytes stored.
   */
  put(key: string, source: ByteSource, options?: PutOptions): Promise<{ readonly size: number }>;

  /** Rejects with NotFound or RangeNotSatisfiable before the first byte. Without a range: the whole object. */
  open(key: string, range?: ByteRange, options?: CallOptions): Promise<StoredObject>;

  stat(key: string, options?: CallOptions): Promise<ObjectStat>;

  /** Deleting what is absent succeeds. Readers that already opened the object are not disturbed. */
  delete(key: string, options?: CallOptions): Promise<void>;

  /** Every visible object whose key starts with `prefix`, in any order, each once; nothing of unfinished puts. */
  list(prefix?: string, options?: CallOptions): AsyncIterable<ListedObject>;

  /** Present only where joining inside the store costs less than reading the parts one after another for ever. Same promises as put. */
  compose?(
    key: string,
    sources: readonly string[],
    options?: CallOptions,
  ): Promise<{ readonly size: number }>;

  /** Present where the store can give out its own signed URLs. */
  presign?(
    key: string,
    request: { readonly method: 'GET'; readonly expiresInSeconds: number },
  ): Promise<string>;

  /** Removes what puts that never finished left behind before `olderThan`; returns how many. Present where such leftovers can exist. */
  sweep?(olderThan: Date, options?: CallOptions): Promise<number>;

  /** Frees handles and connections; no call is made afterwards. */
  close(): Promise<void>;
}
