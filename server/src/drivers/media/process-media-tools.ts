import { OsproxyError } from '#core/errors.ts';
import type { Examined, MediaSource, MediaTools, Pictured, ThumbnailWish } from '#core/ports/media-tools.ts';
import type { Telemetry } from '#core/ports/telemetry.ts';
import { type Limit, LookerProcess } from './looker-process.ts';
import type { Job, Limits, Looked } from './protocol.ts';

export interface MediaToolsOptions extends Limits, Limit {
  readonly telemetry: Telemetry;
}

const MOST_WAITING = 200;
/** A process that has nothing to do is ended, so that a service that sees no images pays nothing for them. */
const IDLE_MS = 30_000;
/** Libraries that decode leak now and then. */
const LOOKS_PER_PROCESS = 200;

/** One child process at a time looks at one content at a time; the others wait. A process that failed at a content is not used again. */
export class ProcessMediaTools implements MediaTools {
  readonly #options: MediaToolsOptions;
  #looker: LookerProcess | undefined;
  #looks = 0;
  #idle: NodeJS.Timeout | undefined;
  #queue: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #closed = false;

  constructor(options: MediaToolsOptions) {
    this.#options = options;
  }

  async examine(source: MediaSource, signal: AbortSignal): Promise<Examined> {
    const { facts, refusal } = await this.#inTurn(() => this.#look(source, undefined, signal));
    return facts === undefined ? { refusal: refusal ?? NOTHING_SAID } : { facts };
  }

  async picture(source: MediaSource, wish: ThumbnailWish, signal: AbortSignal): Promise<Pictured> {
    const { facts, thumbnail, refusal } = await this.#inTurn(() => this.#look(source, wish, signal));
    if (facts === undefined || thumbnail === undefined) return { refusal: refusal ?? NOTHING_SAID };
    return { facts, thumbnail };
  }

  describe(): Promise<string> {
    return this.#inTurn(() => this.#ready().describe());
  }

  /** Of the process that looks, while there is one. */
  get pid(): number | undefined {
    return this.#looker?.isOver === false ? this.#looker.pid : undefined;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#idle);
    await this.#looker?.end();
  }

  async #look(source: MediaSource, wish: ThumbnailWish | undefined, signal: AbortSignal): Promise<Looked> {
    const { maxImageBytes, maxMediaBytes, maxPixels } = this.#options;
    const limits = { maxImageBytes, maxMediaBytes, maxPixels };
    const job: Job = { kind: 'job', size: source.size, contentType: source.contentType, limits, wish };
    const looker = this.#ready();
    this.#looks += 1;
    const started = performance.now();
    const looked = await looker.look(job, source, signal).catch(async (error: unknown) => {
      await this.#retire(looker);
      throw error;
    });
    this.#options.telemetry.lookedAt(looked.refusal?.reason ?? 'ok', (performance.now() - started) / 1000);
    if (looked.refusal !== undefined || this.#looks >= LOOKS_PER_PROCESS) await this.#retire(looker);
    return looked;
  }

  #ready(): LookerProcess {
    if (this.#closed) throw new OsproxyError('Unavailable', 'The service is stopping.');
    clearTimeout(this.#idle);
    if (this.#looker === undefined || this.#looker.isOver) {
      this.#looker = new LookerProcess(this.#options);
      this.#looks = 0;
    }
    return this.#looker;
  }

  async #retire(looker: LookerProcess): Promise<void> {
    if (this.#looker === looker) this.#looker = undefined;
    await looker.end();
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting >= MOST_WAITING)
      throw new OsproxyError('Unavailable', 'Too many images wait to be looked at; try again later.', {
        retryAfterSeconds: 5,
      });
    this.#waiting += 1;
    const turn = this.#queue.then(work);
    this.#queue = turn.catch(() => {});
    try {
      return await turn;
    } finally {
      this.#waiting -= 1;
      if (this.#waiting === 0 && this.#looker !== undefined && !this.#closed) {
        const looker = this.#looker;
        this.#idle = setTimeout(() => void this.#retire(looker), IDLE_MS);
        this.#idle.unref();
      }
    }
  }
}

const NOTHING_SAID = { reason: 'damaged', message: 'Nothing was found in it.' } as const;
