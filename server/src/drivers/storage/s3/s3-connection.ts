import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { BUCKET_HOST_UNKNOWN } from './errors.ts';
import { collect, HttpHandler } from './http-handler.ts';
import { PartBuffers } from './part-buffers.ts';
import { QuickObjects } from './quick-objects.ts';
import type { S3DriverOptions } from './s3-driver-options.ts';
import type { VendorProfile } from './vendors.ts';

/** The SDK prints to the console where it has no logger of another kind than its own silent one. */
const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** What the SDK would do for every request: prepare its input and output for a log, and look for the traces of a Lambda. */
const UNUSED_MIDDLEWARE = ['loggerMiddleware', 'recursionDetectionMiddleware'];

/** Largest answer that is read whole: a page of a listing. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

/** Attempts for a step whose bytes are here: a part, a copy, a join. */
const STEP_ATTEMPTS = 3;

/** Larger bodies are left out of the signature over plain HTTP too, as streams always are. */
const MAX_SIGNED_BYTES = 256 * 1024;

/** What every operation on one bucket shares. */
export class S3Connection {
  /** Sends a request once: the retry wrapper around the driver repeats the whole call. */
  readonly once: S3Client;
  /** Repeats a step inside a call that cannot be repeated as a whole without losing what is done. */
  readonly steadily: S3Client;
  readonly quick: QuickObjects;
  readonly bucket: string;
  readonly profile: VendorProfile;
  readonly concurrency: number;
  readonly partBytes: number;
  readonly buffers: PartBuffers;
  /** Ids of multipart uploads that this process is busy with. */
  readonly uploading = new Set<string>();
  readonly idleMs: number;
  readonly #prefix: string;
  readonly #handler: HttpHandler;

  constructor(options: S3DriverOptions) {
    this.bucket = options.bucket;
    this.profile = options.profile;
    this.concurrency = options.concurrency;
    this.partBytes = options.partBytes;
    this.idleMs = options.timeouts.idleMs;
    this.buffers = new PartBuffers({ partBytes: options.partBytes, extraParts: 4 * options.concurrency });
    this.#prefix = options.prefix;
    this.#handler = new HttpHandler({
      timeouts: options.timeouts,
      maxSockets: options.maxSockets,
      keepAliveMs: options.keepAliveMs ?? 10_000,
      lookup: options.lookup,
    });
    const config = this.#configOf(options);
    this.once = new S3Client({ ...config, maxAttempts: 1 });
    this.steadily = new S3Client({ ...config, maxAttempts: STEP_ATTEMPTS });
    const clients = [this.once, this.steadily] as const;
    for (const client of clients) {
      for (const name of UNUSED_MIDDLEWARE) client.middlewareStack.remove(name);
      leaveOutPayloadHash(client);
      if (!options.pathStyle) explainUnknownHosts(client, options.bucket);
    }
    this.quick = new QuickObjects({ clients, handler: this.#handler, idleMs: this.idleMs });
  }

  /** The object's name in the bucket. */
  nameOf(key: string): string {
    return this.#prefix + key;
  }

  /** The key of a name in the bucket; undefined for what is not ours. */
  keyOf(name: string | undefined): string | undefined {
    return name?.startsWith(this.#prefix) ? name.slice(this.#prefix.length) : undefined;
  }

  destroy(): void {
    this.once.destroy();
    this.steadily.destroy();
    this.#handler.destroy();
  }

  #configOf(options: S3DriverOptions): S3ClientConfig {
    const { idleMs } = options.timeouts;
    return {
      region: options.region,
      forcePathStyle: options.pathStyle,
      ...(options.endpoint !== undefined && { endpoint: options.endpoint }),
      ...(options.key !== undefined && { credentials: options.key }),
      requestHandler: this.#handler,
      streamCollector: (stream: unknown) => collect(stream, idleMs, MAX_ANSWER_BYTES),
      // The forms every vendor takes: no checksum trailers, and so no aws-chunked bodies.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      expectContinueHeader: false,
      // A wrong clock is reported, not papered over: links would expire at wrong times too.
      disableClockSkewCorrection: true,
      retryMode: 'standard',
      logger: silent,
    };
  }
}

/**
 * Hashing a body once more for the signature costs as much as hashing it for ourselves, and TLS protects it already. Over plain HTTP, where
 * nothing protects what the store sends back either, only small bodies are covered by the signature.
 */
function leaveOutPayloadHash(client: S3Client): void {
  client.middlewareStack.add(
    (next) => async (args) => {
      const request = args.request as { protocol?: string; body?: unknown; headers: Record<string, string> };
      const { protocol, body, headers } = request;
      if (body instanceof Uint8Array && (protocol === 'https:' || body.length > MAX_SIGNED_BYTES)) {
        headers['x-amz-content-sha256'] = 'UNSIGNED-PAYLOAD';
      }
      return next(args);
    },
    { step: 'build', name: 'osproxyUnsignedPayload', override: true },
  );
}

/** A host that is unknown only because the bucket was put before it is another mistake than a wrong endpoint. */
function explainUnknownHosts(client: S3Client, bucket: string): void {
  client.middlewareStack.add(
    (next) => async (args) => {
      try {
        return await next(args);
      } catch (error) {
        const { code, hostname } = error as { code?: unknown; hostname?: unknown };
        if (code !== 'ENOTFOUND' || !String(hostname).startsWith(`${bucket}.`)) throw error;
        throw Object.assign(error as Error, { code: BUCKET_HOST_UNKNOWN });
      }
    },
    { step: 'build', name: 'osproxyUnknownHosts', override: true },
  );
}
