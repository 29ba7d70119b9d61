import type { Config } from '#config/config.ts';
import type { Core } from '#core/core.ts';
import type { Drive } from '#core/drive/drive.ts';
import { KnownFiles } from '#core/drive/known-files.ts';
import { KnownUploads } from '#core/drive/known-uploads.ts';
import { ProvenFiles } from '#core/drive/proven-files.ts';
import { InstantUpload } from '#core/instant-upload.ts';
import { Possession } from '#core/possession/possession.ts';
import { NameSearch } from '#core/search/name-search.ts';
import type { Uploads } from '#core/uploads.ts';

type InstantParts = Omit<ConstructorParameters<typeof InstantUpload>[0], 'scope'>;
type PossessionParts = Omit<ConstructorParameters<typeof Possession>[0], 'scope' | 'perMinute'>;

interface ContentParts extends InstantParts, PossessionParts {
  readonly drive: Drive;
  readonly uploads: Uploads;
}

/** How people find what they have: by its name, and by its content. */
export function configuredContents(
  { instantUpload }: Config,
  parts: ContentParts,
): Pick<Core, 'search' | 'known'> {
  const { metadata, drive, uploads } = parts;
  const { personScope, challengesPerMinute, trustHash } = instantUpload;
  const byHash = new InstantUpload({ ...parts, scope: trustHash ? 'installation' : 'owner' });
  const files = new KnownFiles({ metadata, drive, instantUpload: byHash });
  const possession = new Possession({ ...parts, scope: personScope, perMinute: challengesPerMinute });
  return {
    search: new NameSearch({ metadata, tree: drive.tree }),
    known: {
      files,
      uploads: new KnownUploads({ uploads, drive, files, clock: parts.clock }),
      proven: new ProvenFiles({ possession, drive }),
    },
  };
}
