import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { pause, throwIfCancelled } from '../cancellation.ts';
import { firstReadable } from '../copies.ts';
import type { Downloads } from '../downloads.ts';
import { isOsproxyError, OsproxyError } from '../errors.ts';
import type { InstantUpload } from '../instant-upload.ts';
import type { FileRecord } from '../model/file.ts';
import type { Manifest } from '../model/manifest.ts';
import type { PossessionChallenge } from '../model/possession.ts';
import { ownerOfUser, type PersonPrincipal } from '../model/principal.ts';
import type { Clock } from '../ports/clock.ts';
import type { IdSource } from '../ports/ids.ts';
import type { Metadata } from '../ports/metadata.ts';
import type { RateCounter } from '../ports/rate-counter.ts';
import type { ByteRange } from '../ports/storage-driver.ts';
import type { Stores } from '../stores.ts';
import type { Placed } from '../upload-whole.ts';
import { LEAST_BYTES, rangesOf } from './ranges.ts';

/** Milliseconds in which a challenge may be answered. */
const ANSWER_WITHIN_MS = 60_000;
/** A refusal is said at the end of a step of this length, so that how long it took does not tell why. */
const REFUSAL_STEP_MS = 250;
const READS_AT_ONCE = 5;
const MINUTE_MS = 60_000;
/** Members of a group whose copy of a content is tried. */
const MOST_OTHERS = 4;

export interface Challenge {
  readonly id: string;
  /** Key of the answer, in hex. */
  readonly nonce: string;
  readonly ranges: readonly ByteRange[];
  readonly expiresAt: number;
}

/** Whose content a person may get by showing that it has it. */
export type PersonScope = 'own' | 'group' | 'all';

/**
 * A new file on content that is here already, for people: a hash alone gives nothing, they have to show bytes of the content. The service answers every question
 * with a challenge and says nothing about what is here until a right answer.
 */
export class Possession {
  readonly #metadata: Metadata;
  readonly #stores: Stores;
  readonly #downloads: Downloads;
  readonly #instantUpload: InstantUpload;
  readonly #rateCounter: RateCounter;
  readonly #ids: IdSource;
  readonly #clock: Clock;
  readonly #scope: PersonScope;
  readonly #perMinute: number;

  constructor(options: {
    metadata: Metadata;
    stores: Stores;
    downloads: Downloads;
    instantUpload: InstantUpload;
    rateCounter: RateCounter;
    ids: IdSource;
    clock: Clock;
    scope: PersonScope;
    /** Challenges that one person gets in any minute. */
    perMinute: number;
  }) {
    this.#metadata = options.metadata;
    this.#stores = options.stores;
    this.#downloads = options.downloads;
    this.#instantUpload = options.instantUpload;
    this.#rateCounter = options.rateCounter;
    this.#ids = options.ids;
    this.#clock = options.clock;
    this.#scope = options.scope;
    this.#perMinute = options.perMinute;
  }

  /**
   * What the person has to show, whether such content is here or not; undefined where the content is so small that it has to be uploaded in any case.
   * Throws RateLimited.
   */
  async challenge(
    { userId }: PersonPrincipal,
    { sha256, size }: { readonly sha256: string; readonly size: number },
  ): Promise<Challenge | undefined> {
    if (size < LEAST_BYTES) return undefined;
    await this.#count(userId);
    const now = this.#clock.now();
    const challenge: PossessionChallenge = {
      id: this.#ids.next(),
      userId,
      sha256,
      size,
      nonce: randomBytes(32).toString('hex'),
      createdAt: now,
      expiresAt: now + ANSWER_WITHIN_MS,
    };
    await this.#metadata.transaction(({ possession }) => possession.insert(challenge));
    const { id, nonce, expiresAt } = challenge;
    return { id, nonce, ranges: rangesOf(Buffer.from(nonce, 'hex'), size), expiresAt };
  }

  /**
   * The new file where `proof`, in hex, is the HMAC-SHA256 under the nonce of the bytes of the ranges, one after the other. Undefined means that the content has to
   * be uploaded: it is not here or not the person's, the proof is wrong, or the challenge was answered before, is another person's or too old. `placed` gives the file its place
   * in the transaction that makes it.
   */
  async answer(
    person: PersonPrincipal,
    id: string,
    { proof, name, placed }: { readonly proof: string; readonly name: string; readonly placed?: Placed },
    signal: AbortSignal,
  ): Promise<FileRecord | undefined> {
    const begun = performance.now();
    const made = await this.#judge(person, id, { proof, name, placed }, signal);
    if (made === undefined) await endOfStep(begun, signal);
    return made;
  }

  async #judge(
    { owner, userId }: PersonPrincipal,
    id: string,
    { proof, name, placed }: { proof: string; name: string; placed: Placed | undefined },
    signal: AbortSignal,
  ): Promise<FileRecord | undefined> {
    const challenge = await this.#metadata.transaction(({ possession }) => possession.take(id, userId));
    if (challenge === undefined || challenge.expiresAt <= this.#clock.now()) return undefined;
    const { sha256, size } = challenge;
    const manifest = await this.#known(userId, { sha256, size }, signal);
    const expected = manifest === undefined ? undefined : await this.#proofOf(manifest, challenge, signal);
    if (manifest === undefined || expected === undefined || !isSame(expected, proof)) return undefined;
    return this.#instantUpload.make(manifest, { owner, name, placed }, signal);
  }

  /** Content that the person may get, whose bytes are there. */
  async #known(
    userId: string,
    { sha256, size }: { readonly sha256: string; readonly size: number },
    signal: AbortSignal,
  ): Promise<Manifest | undefined> {
    const where = { metadata: this.#metadata, stores: this.#stores };
    const owners: (string | undefined)[] = [this.#scope === 'all' ? undefined : ownerOfUser(userId)];
    if (this.#scope === 'group') owners.push(...(await this.#othersHaving(userId, sha256, size)));
    for (const owner of owners) {
      const known = await this.#metadata.manifests.findVerified({ sha256 }, size, { owner });
      const manifest = await firstReadable(where, known, signal);
      if (manifest !== undefined) return manifest;
    }
    return undefined;
  }

  /** Owners of the content who are in the group of the person. */
  async #othersHaving(userId: string, sha256: string, size: number): Promise<readonly string[]> {
    const { users, contents } = this.#metadata;
    const groupId = (await users.find(userId))?.groupId;
    if (groupId === undefined) return [];
    const people = await contents.peopleHaving({ sha256 }, size);
    const found = await users.findMany(people.map((owner) => owner.slice(ownerOfUser('').length)));
    const others = found.filter((user) => user.groupId === groupId && user.id !== userId);
    return others.slice(0, MOST_OTHERS).map(({ id }) => ownerOfUser(id));
  }

  /** Undefined where the bytes cannot be read at the moment. */
  async #proofOf(
    manifest: Manifest,
    { nonce, size }: PossessionChallenge,
    signal: AbortSignal,
  ): Promise<Buffer | undefined> {
    const key = Buffer.from(nonce, 'hex');
    const ranges = rangesOf(key, size);
    const content = { file: { size }, parts: await this.#metadata.manifests.parts(manifest.id) };
    const proof = createHmac('sha256', key);
    try {
      for (let at = 0; at < ranges.length; at += READS_AT_ONCE) {
        const some = ranges.slice(at, at + READS_AT_ONCE);
        const read = some.map((range) => this.#downloads.readRange(content, range, signal));
        for (const bytes of await Promise.all(read)) proof.update(bytes);
      }
    } catch (error) {
      throwIfCancelled(signal);
      if (isOsproxyError(error, 'Unavailable') || isOsproxyError(error, 'NotFound')) return undefined;
      throw error;
    }
    return proof.digest();
  }

  async #count(userId: string): Promise<void> {
    const rule = { limit: this.#perMinute, windowMs: MINUTE_MS };
    const { allowed, resetMs } = await this.#rateCounter.take(`possession/${userId}`, rule);
    if (allowed) return;
    const seconds = Math.max(1, Math.ceil(resetMs / 1000));
    throw new OsproxyError(
      'RateLimited',
      `You asked for too many instant uploads; upload the content, or ask again in ${seconds} s.`,
      { retryAfterSeconds: seconds },
    );
  }
}

function isSame(expected: Buffer, proof: string): boolean {
  const shown = Buffer.from(proof, 'hex');
  return shown.byteLength === expected.byteLength && timingSafeEqual(shown, expected);
}

async function endOfStep(begun: number, signal: AbortSignal): Promise<void> {
  const taken = performance.now() - begun;
  await pause(REFUSAL_STEP_MS - (taken % REFUSAL_STEP_MS), signal);
  throwIfCancelled(signal);
}
