import { dataOf } from '../e2e/osproxy-v0/client.ts';
import type { Answer, Wire } from '../e2e/rest/client.ts';
import { type Clients, sameBytes } from './crash-load.ts';
import type { KnownFile, KnownUpload, Model, Stray } from './crash-model.ts';
import { bytesOf, type Content, type Random, sha256Of } from './random.ts';

const AT_ONCE = 16;
/** Of the files deleted long ago, so many are asked for again. */
const GONE_SAMPLE = 40;

/**
 * Compares the restarted service with the model: what was acknowledged must be as it was, whatever was not must have happened wholly or not at
 * all. What a lost answer left open is settled here. Rejects with the first difference.
 */
export async function checkAll(model: Model, clients: Clients, random: Random): Promise<void> {
  const check = new Check(model, clients, random);
  await inLanes(model.strays.splice(0), (stray) => check.stray(stray));
  await inLanes(model.open.splice(0), (upload) => check.upload(upload));
  const gone = [...model.files.values()].filter(({ state }) => state === 'gone');
  const old = Array.from({ length: Math.min(GONE_SAMPLE, gone.length) }, () => random.pick(gone));
  const rest = [...model.files.values()].filter(({ state }) => state !== 'gone');
  await inLanes([...rest, ...gone.slice(-GONE_SAMPLE), ...old], (file) => check.file(file));
  await check.listing();
}

class Check {
  readonly #model: Model;
  readonly #clients: Clients;
  readonly #random: Random;

  constructor(model: Model, clients: Clients, random: Random) {
    this.#model = model;
    this.#clients = clients;
    this.#random = random;
  }

  /** A file whose answer was lost is there once and complete, or not at all. */
  async stray({ name, content, key, refused }: Stray): Promise<void> {
    const { rest } = this.#clients;
    const found = (await wanted(rest.call('GET', `/files?prefix=${name}`), 200)).json.files;
    if (found.length > 1) throw new Error(`${name} was sent once and is there ${found.length} times.`);
    if (refused && found.length > 0) throw new Error(`${name} was answered with 503 and is there.`);
    let uid = found[0]?.uid;
    if (key !== undefined) {
      const headers = { 'idempotency-key': key };
      const status = uid === undefined ? 201 : 200;
      const body = bytesOf(content);
      const again = await this.#repeat(`/files/${name}`, body, headers);
      if (again.status !== status && again.status !== 409) {
        throw new Error(`${name} repeated under its key answered ${again.status} instead of ${status}.`);
      }
      if (again.status === 409) return this.#adoptStray(uid, name, content);
      if (uid !== undefined && again.json.uid !== uid)
        throw new Error(`${name} repeated is ${again.json.uid}.`);
      uid = again.json.uid;
    }
    this.#adoptStray(uid, name, content);
  }

  #adoptStray(uid: string | undefined, name: string, content: Content): void {
    if (uid !== undefined) this.#model.addFile(this.#model.newUid(uid), name, content);
  }

  #repeat(path: string, body: Buffer, headers: Record<string, string>): Promise<Answer> {
    return this.#clients.rest.call('PUT', path, { body, headers });
  }

  async upload(upload: KnownUpload): Promise<void> {
    const { rest, v0 } = this.#clients;
    const { uid } = upload;
    const status = (await wanted(rest.call('GET', `/uploads/${uid}`), 200)).json;
    const { pending } = upload;
    upload.pending = undefined;
    if (status.state === 'completed' && pending === 'complete') {
      this.#model.addComposed(upload);
      return;
    }
    if (status.state === 'aborted' && pending === 'abort') {
      this.#model.aborted.add(uid);
      return;
    }
    if (status.state !== 'open')
      throw new Error(`Upload ${uid} is ${status.state}, but nobody asked for it.`);
    if (upload.link !== undefined) {
      const numbers = dataOf(await v0.get<number[]>('/checkpoint', { uid }));
      const same = status.parts.map(numberOf);
      if (numbers.join() !== same.join())
        throw new Error(`Checkpoint of ${uid}: ${numbers} instead of ${same}.`);
    }
    settleParts(upload, status.parts);
    this.#model.open.push(upload);
  }

  async file(file: KnownFile): Promise<void> {
    const { rest } = this.#clients;
    const answer = await rest.content(file.uid);
    if (answer.status === 404 && file.state !== 'here') {
      file.state = 'gone';
      return;
    }
    if (answer.status !== 200 || file.state === 'gone') {
      const told = answer.status === 200 ? '' : `: ${answer.bytes.subarray(0, 300)}`;
      throw new Error(
        `File ${file.uid} (${file.name}) is ${file.state}, but reading it answered ${answer.status}${told}`,
      );
    }
    const bytes = bytesOf(file.content);
    sameBytes(file, answer.bytes, bytes);
    file.state = 'here';
    if (bytes.length === 0) return;
    const first = this.#random.between(0, bytes.length - 1);
    const last = this.#random.between(first, bytes.length - 1);
    const range = await wanted(rest.content(file.uid, { range: `bytes=${first}-${last}` }), 206);
    sameBytes(file, range.bytes, bytes.subarray(first, last + 1));
  }

  /** Exactly the files of the model are there, none besides. */
  async listing(): Promise<void> {
    const listed = new Set<string>();
    const names = new Map<string, string>();
    for (let cursor = ''; ; ) {
      const path = `/files?limit=1000${cursor === '' ? '' : `&cursor=${cursor}`}`;
      const { json } = await wanted(this.#clients.rest.call('GET', path), 200);
      for (const { uid, name, state, rejectedReason } of json.files) {
        names.set(uid, name);
        if (state !== 'ready') throw new Error(`File ${uid} is ${state}: ${rejectedReason}`);
        listed.add(uid);
      }
      if (json.next === null) break;
      cursor = json.next;
    }
    const here = new Set(this.#model.here().map(({ uid }) => uid));
    const missing = [...here.difference(listed)];
    const besides = [...listed.difference(here)];
    if (missing.length + besides.length > 0) {
      throw new Error(
        `The listing lacks [${missing}] and shows [${besides.map((uid) => `${uid} ${names.get(uid)}`)}] that nobody was promised.`,
      );
    }
  }
}

function numberOf(part: Wire): number {
  return 'number' in part ? Number(part.number) : Number.NaN;
}

/** Every acknowledged part is there; one without an answer may be there as it was sent. */
function settleParts(upload: KnownUpload, stored: readonly Wire[]): void {
  const found = new Map(stored.map((part) => [numberOf(part), part]));
  for (const [number, part] of upload.parts) {
    const there = found.get(number);
    found.delete(number);
    const { acknowledged } = part;
    const candidates = acknowledged === undefined ? part.maybe : [acknowledged, ...part.maybe];
    if (there === undefined) {
      if (acknowledged !== undefined)
        throw new Error(`Part ${number} of ${upload.uid} was acknowledged and is gone.`);
      upload.parts.delete(number);
      continue;
    }
    const match = candidates.find((content) => sha256Of(bytesOf(content)) === there.sha256);
    if (match === undefined || match.size !== there.size)
      throw new Error(`Part ${number} of ${upload.uid} holds what nobody sent.`);
    part.acknowledged = match;
    part.maybe = [];
  }
  if (found.size > 0)
    throw new Error(`Upload ${upload.uid} has parts that nobody sent: ${[...found.keys()]}.`);
}

async function wanted(call: Promise<Answer>, status: number): Promise<Answer> {
  const answer = await call;
  if (answer.status === status) return answer;
  throw new Error(`Answered ${answer.status} instead of ${status}: ${answer.bytes.subarray(0, 500)}`);
}

async function inLanes<T>(all: readonly (T | undefined)[], work: (one: T) => Promise<void>): Promise<void> {
  const waiting = [...all];
  const lane = async (): Promise<void> => {
    while (waiting.length > 0) {
      const one = waiting.shift();
      if (one !== undefined) await work(one);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
}
