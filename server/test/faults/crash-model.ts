import type { UploadLink } from '../e2e/osproxy-v0/client.ts';
import type { Content } from './random.ts';

/**
 * here: acknowledged. leaving: a delete was sent, its answer is out. gone: that was acknowledged. Whatever a client may not know after a lost
 * answer is settled by looking after the restart, and must stay so from then on.
 */
export interface KnownFile {
  readonly uid: string;
  readonly name: string;
  readonly content: Content;
  state: 'here' | 'leaving' | 'gone';
}

/** A file sent under a name of its own whose answer did not come. */
export interface Stray {
  readonly name: string;
  readonly content: Content;
  /** Sent as Idempotency-Key: repeating the request must not make a second file. */
  readonly key: string | undefined;
  /** It was answered with 503: nothing of it may be there. */
  refused?: boolean;
}

interface KnownPart {
  acknowledged: Content | undefined;
  /** Sent without an answer since the last look. */
  maybe: Content[];
}

export interface KnownUpload {
  readonly uid: string;
  readonly name: string;
  /** Set when it belongs to the v0 wire. */
  readonly link: UploadLink | undefined;
  /** In order; what the file shall be. A v0 upload in one go has one part that is sent whole. */
  readonly plan: readonly Content[];
  readonly whole: boolean;
  readonly parts: Map<number, KnownPart>;
  /** Sent and not answered: the upload may be a file, or over; after `part`, a part may still change. Nobody goes on with it until a look. */
  pending: 'complete' | 'abort' | 'part' | undefined;
}

/** What was asked of the service, and what it answered. */
export class Model {
  readonly files = new Map<string, KnownFile>();
  readonly strays: Stray[] = [];
  /** Open uploads that nobody works on. */
  readonly open: KnownUpload[] = [];
  readonly aborted = new Set<string>();
  /** Every uid that was ever given out. */
  readonly uids = new Set<string>();
  readonly acknowledged = { files: 0, parts: 0, completes: 0, deletes: 0, aborts: 0, instant: 0 };
  /** Called at every acknowledgement. */
  onAcknowledged: () => void = () => {};
  readonly #extensions: readonly string[];
  #names = 0;

  /** The extensions that names have, in turn. */
  constructor(extensions: readonly string[] = ['bin']) {
    this.#extensions = extensions;
  }

  note(what: keyof Model['acknowledged']): void {
    this.acknowledged[what] += 1;
    this.onAcknowledged();
  }

  name(kind: string): string {
    this.#names += 1;
    return `${kind}-${this.#names}.${this.#extensions[this.#names % this.#extensions.length]}`;
  }

  /** Throws when the service gave the same uid twice. */
  newUid(uid: string): string {
    if (this.uids.has(uid)) throw new Error(`The uid ${uid} was given out twice.`);
    this.uids.add(uid);
    return uid;
  }

  here(): KnownFile[] {
    return [...this.files.values()].filter((file) => file.state === 'here');
  }

  addFile(uid: string, name: string, content: Content): void {
    this.files.set(uid, { uid, name, content, state: 'here' });
  }

  /** The upload became the file of its plan. */
  addComposed(upload: KnownUpload): void {
    this.addFile(upload.uid, upload.name, joined(upload.plan));
  }
}

/** What an upload of this plan becomes. */
function joined(plan: readonly Content[]): Content {
  const [only] = plan;
  if (plan.length === 1 && only !== undefined) return only;
  return { seed: 0, size: plan.reduce((sum, part) => sum + part.size, 0), parts: plan };
}
