import type { ArchiveEntry } from '#core/archive/archive.ts';
import { OsproxyError } from '#core/errors.ts';

/** What Windows keeps for devices, whatever follows behind a dot. */
const DEVICE = /^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])[ ]*(\.|$)/i;
/** What no name may have on some system: separators, wildcards, controls, and marks that make text run backwards. */
const UNSAFE = /[\p{Cc}<>:"/\\|?*\u202a-\u202e\u2066-\u2069]/gu;
/** APPNOTE 4.4.10: the length is a 16-bit number. */
const MOST_BYTES = 0xffff;

/** A name that every system can unpack as it is, inside of the folder that it is unpacked into. */
export function safeName(name: string): string {
  const clean = name
    .toWellFormed()
    .replace(UNSAFE, '_')
    // Windows drops these, and a name of dots alone is a folder elsewhere.
    .replace(/[. ]+$/, (end) => '_'.repeat(end.length));
  if (clean === '') return '_';
  return DEVICE.test(clean) ? `_${clean}` : clean;
}

/** Gives members their paths in an archive; no two are the same on a system that tells neither case nor the form of Unicode apart. */
export class MemberNames {
  readonly #folders = new Map<string | undefined, string>([[undefined, '']]);
  readonly #taken = new Set<string>();

  /** With a slash at the end for a folder. A folder must be asked for before what is in it. */
  pathOf({ id, parentId, name, kind }: ArchiveEntry): string {
    const folder = this.#folders.get(parentId);
    if (folder === undefined) {
      throw new OsproxyError('Internal', 'A member of an archive came before its folder.');
    }
    const path = this.#free(folder, safeName(name)) + (kind === 'folder' ? '/' : '');
    if (Buffer.byteLength(path) > MOST_BYTES) {
      throw new OsproxyError(
        'TooLarge',
        'Folders are nested too deeply for an archive; choose one further in.',
        {
          details: { maxPathBytes: MOST_BYTES },
        },
      );
    }
    if (kind === 'folder') this.#folders.set(id, path);
    return path;
  }

  #free(folder: string, name: string): string {
    const dot = name.lastIndexOf('.');
    const stem = dot > 0 ? name.slice(0, dot) : name;
    const suffix = dot > 0 ? name.slice(dot) : '';
    for (let number = 1; ; number += 1) {
      const path = folder + (number === 1 ? name : `${stem} (${number})${suffix}`);
      const key = path.normalize('NFC').toLowerCase().normalize('NFC');
      if (this.#taken.has(key)) continue;
      this.#taken.add(key);
      return path;
    }
  }
}
