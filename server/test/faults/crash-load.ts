import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '../e2e/osproxy-v0/client.ts';
import type { Answer, RestClient } from '../e2e/rest/client.ts';
import type { KnownFile, KnownUpload, Model, Stray } from './crash-model.ts';
import { bytesOf, type Content, type Random, sha256Of } from './random.ts';

const KIB = 1024;
const MOST_FILES = 60;
const MOST_OPEN = 12;
/** Contents of this many seeds come again and again, so that equal bytes are kept, deleted and claimed at the same moment. */
const SHARED_SEEDS = 12;

export interface Clients {
  readonly rest: RestClient;
  readonly v0: Client;
}

/** No answer that says what happened: the process is dead, or about to be, or one of its stores is. */
class Lost extends Error {}

/** The service says that what it needs is away, and that nothing was done. */
class Refused extends Lost {}

/** What the service says when the database was lost in the moment of a commit. */
const UNKNOWN = /it is unknown whether the change was made/;

export interface LaneOptions {
  /** True while the service may answer 503 or break off an answer, because a store or the database is in trouble. */
  readonly troubled?: () => boolean;
  /** KiB of the largest content in one go, and of the smallest and the largest part. */
  readonly sizes?: LoadSizes;
  /**
   * Set where a proxy stands between, which may answer for a service that is gone and may send a request twice: then a failure in trouble says
   * nothing about what happened. A client waits so many milliseconds for an answer before it goes on with something else.
   */
  readonly proxied?: { readonly patienceMs: number };
}

export interface LoadSizes {
  readonly whole: readonly number[];
  readonly part: readonly [number, number];
}

const SMALL: LoadSizes = { whole: [0, 0.1, 60, 70, 400, 1500], part: [64, 900] };

/** One client that does one thing after the other, and notes in the model what was acknowledged. */
export class Lane {
  readonly #model: Model;
  readonly #rest: RestClient;
  readonly #v0: Client;
  readonly #random: Random;
  readonly #killed: AbortSignal;
  readonly #troubled: () => boolean;
  readonly #sizes: LoadSizes;
  readonly #proxied: LaneOptions['proxied'];
  /** Requests that nobody waits for any more; they may still have their effect. */
  readonly #abandoned: Promise<unknown>[] = [];

  constructor(
    model: Model,
    clients: Clients,
    random: Random,
    killed: AbortSignal,
    { troubled = () => false, sizes = SMALL, proxied }: LaneOptions = {},
  ) {
    this.#model = model;
    this.#rest = clients.rest;
    this.#v0 = clients.v0;
    this.#random = random;
    this.#killed = killed;
    this.#troubled = troubled;
    this.#sizes = sizes;
    this.#proxied = proxied;
  }

  /** Resolves when the process was killed; rejects when it does anything wrong before. */
  async run(): Promise<void> {
    while (!this.#killed.aborted) {
      try {
        await this.#step();
      } catch (error) {
        if (!(error instanceof Lost)) throw error;
      }
    }
    await Promise.allSettled(this.#abandoned);
  }

  #step(): Promise<void> {
    const crowded = this.#model.here().length > MOST_FILES;
    const die = this.#random.next();
    if (die < (crowded ? 0.5 : 0.18)) return this.#delete();
    if (die < 0.5) return this.#put();
    if (die < 0.62) return this.#single();
    if (die < 0.7) return this.#instant();
    if (die < 0.78) return this.#read();
    if (die < 0.81) return this.#abort();
    return this.#upload();
  }

  async #put(): Promise<void> {
    const random = this.#random;
    const name = this.#model.name('put');
    const content = this.#content();
    const key = random.chance(0.4) ? `key-${name}` : undefined;
    const bytes = bytesOf(content);
    const slow = random.chance(0.3);
    const headers = {
      ...(key === undefined ? {} : { 'idempotency-key': key }),
      ...(slow && random.chance(0.5) ? { 'content-length': String(bytes.length) } : {}),
    };
    const stray: Stray = { name, content, key };
    this.#model.strays.push(stray);
    const body = slow ? this.#slowly(bytes) : bytes;
    const put = this.#answered(this.#rest.call('PUT', `/files/${name}`, { body, headers }), 201);
    const stored = await put.catch((error: unknown) => {
      stray.refused = error instanceof Refused && this.#proxied === undefined;
      throw error;
    });
    this.#answeredFor(stray);
    this.#model.addFile(this.#model.newUid(stored.json.uid), name, content);
    this.#model.note('files');
  }

  /** A v0 form upload in one go. */
  async #single(): Promise<void> {
    const upload = await this.#begin([this.#content()], { v0: true, whole: true });
    await this.#finish(upload);
  }

  async #instant(): Promise<void> {
    const known = this.#random.pick(this.#model.here());
    if (known === undefined) return;
    const name = this.#model.name('instant');
    const sha256 = sha256Of(bytesOf(known.content));
    const { size } = known.content;
    const stray = { name, content: known.content, key: undefined };
    this.#model.strays.push(stray);
    const { json } = await this.#answered(
      this.#rest.call('POST', '/uploads', { json: { name, sha256, size } }),
      201,
    );
    this.#answeredFor(stray);
    this.#model.newUid(json.uid);
    if (json.state === 'completed') {
      this.#model.addFile(json.uid, name, known.content);
      this.#model.note('instant');
    } else {
      const base = { uid: json.uid, name, link: undefined, whole: false, pending: undefined };
      this.#model.open.push({ ...base, plan: known.content.parts ?? [known.content], parts: new Map() });
    }
  }

  #answeredFor(stray: Stray): void {
    this.#model.strays.splice(this.#model.strays.indexOf(stray), 1);
  }

  async #read(): Promise<void> {
    const file = this.#random.pick(this.#model.here());
    if (file === undefined) return;
    const answer = await this.#answered(this.#rest.content(file.uid), 200, () => file.state !== 'here');
    if (answer.status === 200) sameBytes(file, answer.bytes, bytesOf(file.content));
  }

  async #delete(): Promise<void> {
    const file = this.#random.pick(this.#model.here());
    if (file === undefined) return;
    file.state = 'leaving';
    await this.#answered(this.#rest.call('DELETE', `/files/${file.uid}`), 204);
    file.state = 'gone';
    this.#model.note('deletes');
  }

  async #abort(): Promise<void> {
    const upload = this.#take();
    if (upload === undefined) return;
    upload.pending = 'abort';
    await this.#working(upload, this.#rest.call('DELETE', `/uploads/${upload.uid}`), 204);
    this.#model.aborted.add(upload.uid);
    this.#model.note('aborts');
  }

  /** Begins an upload in parts, or goes on with one that was left, and most times completes it. */
  async #upload(): Promise<void> {
    const random = this.#random;
    const crowded = this.#model.open.length > MOST_OPEN;
    const left = crowded || random.chance(0.4) ? this.#take() : undefined;
    const plan = Array.from({ length: random.between(1, 5) }, () => this.#content(...this.#sizes.part));
    const upload = left ?? (await this.#begin(plan, { v0: random.chance(0.5), whole: false }));
    if (upload.whole) return this.#finish(upload);
    const waiting = upload.plan.map((_, index) => index + 1).filter((number) => !isStored(upload, number));
    const leave = !crowded && random.chance(0.25);
    if (leave) waiting.splice(random.between(0, waiting.length));
    const sending = async (): Promise<void> => {
      for (let number = waiting.shift(); number !== undefined; number = waiting.shift()) {
        if (random.chance(0.1)) await this.#part(upload, number, this.#content(1, 300));
        await this.#part(upload, number, upload.plan[number - 1] as Content);
      }
    };
    const sent = await Promise.allSettled([sending(), sending(), sending()]);
    const lost = sent.some(({ status }) => status === 'rejected');
    if (lost && this.#proxied !== undefined) upload.pending = 'part';
    if (leave || lost) this.#model.open.push(upload);
    for (const result of sent) if (result.status === 'rejected') throw result.reason;
    if (!leave) await this.#finish(upload);
  }

  async #begin(
    plan: readonly Content[],
    { v0, whole }: { v0: boolean; whole: boolean },
  ): Promise<KnownUpload> {
    const name = this.#model.name(v0 ? 'v0' : 'v1');
    const created = v0 ? await this.#lostOr(this.#v0.uploadLink(name)) : undefined;
    const uid = created?.uid ?? (await this.#lostOr(this.#rest.open({ name })));
    this.#model.newUid(uid);
    return { uid, name, link: created, plan, whole, parts: new Map(), pending: undefined };
  }

  async #part(upload: KnownUpload, number: number, content: Content): Promise<void> {
    const part = upload.parts.get(number) ?? { acknowledged: undefined, maybe: [] };
    upload.parts.set(number, part);
    part.maybe.push(content);
    const bytes = bytesOf(content);
    if (upload.link !== undefined) {
      await this.#answered(this.#v0.part(upload.link, number, bytes), 200);
    } else {
      const body = this.#random.chance(0.2) ? this.#slowly(bytes) : bytes;
      const path = `/uploads/${upload.uid}/parts/${number}`;
      await this.#answered(this.#rest.call('PUT', path, { body }), 200);
    }
    part.acknowledged = content;
    part.maybe = [];
    this.#model.note('parts');
  }

  /** Makes the file: complete or merge, or the whole content of a v0 upload in one go. */
  async #finish(upload: KnownUpload): Promise<void> {
    const { link, plan } = upload;
    upload.pending = 'complete';
    if (link === undefined) {
      await this.#working(upload, this.#rest.complete(upload.uid, { parts: plan.length }), 200);
    } else {
      const bytes = Buffer.concat(plan.map(bytesOf));
      const sent = upload.whole ? this.#v0.single(link, bytes) : this.#v0.merge(link, bytes, plan.length);
      await this.#working(upload, sent, 200);
    }
    this.#model.addComposed(upload);
    this.#model.note('completes');
  }

  /** As answered; an upload whose answer is lost goes back to the others, to be looked at after the restart. */
  async #working(upload: KnownUpload, call: Promise<{ status: number }>, status: number): Promise<void> {
    try {
      await this.#answered(call, status);
    } catch (error) {
      this.#model.open.push(upload);
      throw error;
    }
  }

  /** The answer when it has this status; Lost when none came because of the kill or the trouble. Anything else is a failure of the service. */
  async #answered<T extends { status: number }>(
    call: Promise<T>,
    status: number,
    mayBeGone: () => boolean = () => false,
  ): Promise<T> {
    const mayFail = this.#troubled();
    const answer = await this.#lostOr(call);
    const uncertain = this.#proxied !== undefined && (mayFail || this.#troubled());
    if (uncertain && [502, 504].includes(answer.status)) throw new Lost('the proxy has no answer');
    // The proxy may have sent a request again that had its effect the first time.
    if (uncertain && status === 204 && [404, 409].includes(answer.status)) throw new Lost('done already');
    if (answer.status === 503 && (mayFail || this.#troubled())) {
      throw UNKNOWN.test(told(answer)) ? new Lost('unknown') : new Refused('the store is away');
    }
    if (answer.status === status || (answer.status === 404 && mayBeGone())) return answer;
    throw new Error(`The service answered ${answer.status} instead of ${status}: ${told(answer)}`);
  }

  async #lostOr<T>(call: Promise<T>): Promise<T> {
    const mayFail = this.#troubled();
    try {
      if (this.#proxied === undefined) return await call;
      return await this.#patiently(call, this.#proxied.patienceMs);
    } catch (error) {
      if (mayFail || this.#troubled() || this.#killed.aborted) throw new Lost('no answer', { cause: error });
      throw error;
    }
  }

  async #patiently<T>(call: Promise<T>, ms: number): Promise<T> {
    const ended = call.then(
      () => true,
      () => true,
    );
    const waited = new AbortController();
    for (let answered = false; !answered; ) {
      const over = sleep(ms, false, { signal: waited.signal }).catch(() => false);
      answered = await Promise.race([ended, over]);
      if (answered || !this.#troubled()) continue;
      this.#abandoned.push(ended);
      throw new Lost('no answer in time');
    }
    waited.abort();
    return call;
  }

  #take(): KnownUpload | undefined {
    const upload = this.#random.pick(this.#model.open.filter(({ pending }) => pending === undefined));
    if (upload !== undefined) this.#model.open.splice(this.#model.open.indexOf(upload), 1);
    return upload;
  }

  #content(lowKib = 0, highKib = 0): Content {
    const random = this.#random;
    if (random.chance(0.25)) {
      const seed = random.between(1, SHARED_SEEDS);
      return { seed, size: seed * 24 * KIB + seed };
    }
    const seed = random.between(1_000, 2 ** 40);
    if (highKib > 0) return { seed, size: random.between(lowKib * KIB, highKib * KIB) };
    const most = random.pick(this.#sizes.whole) ?? 0;
    return { seed, size: random.between(0, Math.floor(most * KIB)) };
  }

  async *#slowly(bytes: Buffer): AsyncGenerator<Buffer> {
    const step = Math.max(1, Math.ceil(bytes.length / 8));
    for (let at = 0; at < bytes.length; at += step) {
      await sleep(this.#random.between(1, 12));
      yield bytes.subarray(at, at + step);
    }
  }
}

/** Throws saying where the bytes differ. */
export function sameBytes(file: Pick<KnownFile, 'uid' | 'name'>, got: Buffer, wanted: Buffer): void {
  if (got.equals(wanted)) return;
  let at = 0;
  while (at < got.length && got[at] === wanted[at]) at += 1;
  throw new Error(
    `File ${file.uid} (${file.name}) came with ${got.length} bytes instead of ${wanted.length}, or with others, from byte ${at} on.`,
  );
}

/** True when the part holds what the plan says, acknowledged. */
function isStored(upload: KnownUpload, number: number): boolean {
  const part = upload.parts.get(number);
  const wanted = upload.plan[number - 1];
  if (part?.acknowledged === undefined || wanted === undefined || part.maybe.length > 0) return false;
  return part.acknowledged.seed === wanted.seed && part.acknowledged.size === wanted.size;
}

function told(answer: object): string {
  if ('body' in answer) return JSON.stringify(answer.body);
  return 'bytes' in answer ? String((answer as Answer).bytes.subarray(0, 500)) : '';
}
