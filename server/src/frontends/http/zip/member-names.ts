import type { ArchiveEntry } from '#core/archive/archive.ts';
import { OsproxyError } from '#core/errors.ts';

/** What Windows keeps for devices, whatever follows behind a dot. */
const DEVICE = /^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])[ ]*(\.|$)/i;
/** What no name may have on some system: separators, wildcards, controls, and marks that make text run backwards. */
const UNSAFE = /[\p{Cc}<>:"/\\|?*\u202a-\u202e\u2066-\u2069]/gu;
/** APPNOTE 4.4.10: the length is a 16-bit number. */
const MOST_BYTES = 0xffff;
/** Of all paths of one archive: they are sent twice, and their folders are held while it is sent. */
const MOST_BYTES_IN_ALL = 64 * 1024 * 1024;

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

/** Where a member lies in an archive. */
export interface MemberPath {
  /** Path of the folder with a slash at its end; empty at the top. Shared by all that is in the folder. */
  readonly folder: string;
  /** With a slash at the end for a folder. */
  readonly name: string;
  /** Bytes of both in UTF-8. */
  readonly bytes: number;
}

interface Folder {
  readonly path: string;
  readonly bytes: number;
  /** Names that are taken, folded, and the number that the next member of the same name is tried with. */
  readonly taken: Map<string, number>;
}

/** Gives members their paths in an archive; no two are the same on a system that tells neither case nor the form of Unicode apart. */
export class MemberNames {
  readonly #folders = new Map<string | undefined, Folder>([
    [undefined, { path: '', bytes: 0, taken: new Map() }],
  ]);
  #bytes = 0;

  /** A folder must be asked for before what is in it. Throws TooLarge for a path, or paths in all, that an archive does not hold. */
  pathOf({ id, parentId, name, kind }: ArchiveEntry): MemberPath {
    const folder = this.#folders.get(parentId);
    if (folder === undefined) {
      throw new OsproxyError('Internal', 'A member of an archive came before its folder.');
    }
    const own = freeName(folder.taken, safeName(name)) + (kind === 'folder' ? '/' : '');
    const bytes = folder.bytes + Buffer.byteLength(own);
    this.#count(bytes);
    if (kind === 'folder') this.#folders.set(id, { path: folder.path + own, bytes, taken: new Map() });
    return { folder: folder.path, name: own, bytes };
  }

  #count(bytes: number): void {
    if (bytes > MOST_BYTES) {
      throw new OsproxyError(
        'TooLarge',
        'Folders are nested too deeply for an archive; choose one further in.',
        { details: { maxPathBytes: MOST_BYTES } },
      );
    }
    this.#bytes += bytes;
    if (this.#bytes > MOST_BYTES_IN_ALL) {
      throw new OsproxyError(
        'TooLarge',
        `The paths of an archive have at most ${MOST_BYTES_IN_ALL} bytes together; choose fewer files, or a folder further in.`,
        { details: { maxPathsBytes: MOST_BYTES_IN_ALL } },
      );
    }
  }
}

/** Takes the name, or the first free one with a number. A number that was tried for a name is never tried for it again. */
function freeName(taken: Map<string, number>, name: string): string {
  const key = folded(name);
  const next = taken.get(key);
  if (next === undefined) {
    taken.set(key, 2);
    return name;
  }
  const dot = name.lastIndexOf('.');
  const stem = dot > 0 ? name.slice(0, dot) : name;
  const suffix = dot > 0 ? name.slice(dot) : '';
  for (let number = next; ; number += 1) {
    const numbered = `${stem} (${number})${suffix}`;
    const numberedKey = folded(numbered);
    if (taken.has(numberedKey)) continue;
    taken.set(numberedKey, 2);
    taken.set(key, number + 1);
    return numbered;
  }
}

function folded(name: string): string {
  return name.normalize('NFC').toLowerCase().normalize('NFC');
}
