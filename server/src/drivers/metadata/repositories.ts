import type { MetadataReader, MetadataWriter } from '#core/ports/metadata.ts';
import { Audit } from './audit.ts';
import { Blobs } from './blobs.ts';
import { Coordination } from './coordination.ts';
import { Drives } from './drives.ts';
import { Entries } from './entries.ts';
import { Events } from './events.ts';
import { Files } from './files.ts';
import { Holds } from './holds.ts';
import { Idempotency } from './idempotency.ts';
import { ServiceKeys } from './keys.ts';
import { Links } from './links.ts';
import { Manifests } from './manifests.ts';
import { Media } from './media.ts';
import { Moves } from './moves.ts';
import { Placements } from './placements.ts';
import { Possession } from './possession.ts';
import { Scrubs } from './scrubs.ts';
import type { Session } from './session.ts';
import { Sinks } from './sinks.ts';
import { StoreMarks } from './store-marks.ts';
import { Tasks } from './tasks.ts';
import { Uploads } from './uploads.ts';
import { Usage } from './usage.ts';

/** Every repository over one session; the commands work only where the session is a transaction. */
export class Repositories implements MetadataReader, MetadataWriter {
  readonly files: Files;
  readonly holds: Holds;
  readonly uploads: Uploads;
  readonly blobs: Blobs;
  readonly placements: Placements;
  readonly moves: Moves;
  readonly marks: StoreMarks;
  readonly media: Media;
  readonly scrubs: Scrubs;
  readonly manifests: Manifests;
  readonly links: Links;
  readonly keys: ServiceKeys;
  readonly idempotency: Idempotency;
  readonly tasks: Tasks;
  readonly coordination: Coordination;
  readonly events: Events;
  readonly sinks: Sinks;
  readonly usage: Usage;
  readonly audit: Audit;
  readonly possession: Possession;
  readonly drives: Drives;
  readonly entries: Entries;

  constructor(session: Session) {
    this.files = new Files(session);
    this.holds = new Holds(session);
    this.uploads = new Uploads(session);
    this.blobs = new Blobs(session);
    this.placements = new Placements(session);
    this.moves = new Moves(session);
    this.marks = new StoreMarks(session);
    this.media = new Media(session);
    this.scrubs = new Scrubs(session);
    this.manifests = new Manifests(session);
    this.links = new Links(session);
    this.keys = new ServiceKeys(session);
    this.idempotency = new Idempotency(session);
    this.tasks = new Tasks(session);
    this.coordination = new Coordination(session);
    this.events = new Events(session);
    this.sinks = new Sinks(session);
    this.usage = new Usage(session);
    this.audit = new Audit(session);
    this.possession = new Possession(session);
    this.drives = new Drives(session);
    this.entries = new Entries(session);
  }
}
