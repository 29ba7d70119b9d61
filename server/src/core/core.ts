import type { Authenticator } from './authentication.ts';
import type { ClusterOverview } from './cluster/cluster-overview.ts';
import type { Downloads } from './downloads.ts';
import type { EventFeed } from './events/event-feed.ts';
import type { SinkBoard } from './events/sink-board.ts';
import type { Files } from './files.ts';
import type { Holds } from './holds.ts';
import type { Idempotency } from './idempotency.ts';
import type { InstantUpload } from './instant-upload.ts';
import type { LinkSigner } from './link-signer.ts';
import type { Links } from './links.ts';
import type { MediaBoard } from './media/media-board.ts';
import type { MediaFiles } from './media/media-files.ts';
import type { Thumbnails } from './media/thumbnails.ts';
import type { Moves } from './moves.ts';
import type { Clock } from './ports/clock.ts';
import type { ScrubBoard } from './scrub/scrub-board.ts';
import type { ServiceKeys } from './service-keys.ts';
import type { StoreOverview } from './store-overview.ts';
import type { TaskBoard } from './task-board.ts';
import type { TaskSubmission } from './tasks/submission.ts';
import type { Uploads } from './uploads.ts';

/** Everything a front end may call. */
export interface Core {
  readonly authenticator: Authenticator;
  readonly uploads: Uploads;
  readonly downloads: Downloads;
  readonly files: Files;
  readonly instantUpload: InstantUpload;
  readonly links: Links;
  readonly signer: LinkSigner;
  readonly holds: Holds;
  readonly idempotency: Idempotency;
  readonly keys: ServiceKeys;
  readonly stores: StoreOverview;
  readonly moves: Moves;
  readonly tasks: TaskBoard;
  readonly submission: TaskSubmission;
  readonly scrub: ScrubBoard;
  readonly media: MediaFiles;
  readonly mediaBoard: MediaBoard;
  readonly thumbnails: Thumbnails;
  readonly cluster: ClusterOverview;
  readonly feed: EventFeed;
  readonly sinks: SinkBoard;
  readonly clock: Clock;
}
