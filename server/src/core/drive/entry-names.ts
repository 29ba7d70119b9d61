import { OsproxyError } from '../errors.ts';
import { MAX_DEPTH } from '../model/entry.ts';
import { checkName } from '../names.ts';

const MAX_ENTRY_NAME = 255;
/** How many numbers are tried for a name that is taken. */
const MAX_COPIES = 10_000;
const COPIES_AT_ONCE = 500;

/** What names in one folder are compared by: the same for all ways to write a text in Unicode, and for both cases. */
export function nameKeyOf(name: string): string {
  return name.normalize('NFC').toLowerCase().normalize('NFC');
}

/** A name that an entry may have: at most 255 characters without "/", and neither "." nor "..". Throws InvalidArgument. */
export function checkEntryName(name: string, field = 'name'): string {
  const bad = (message: string) => new OsproxyError('InvalidArgument', message, { details: { field } });
  checkName(name, field);
  if (name.includes('/')) throw bad(`${field} must not contain "/".`);
  if (name === '.' || name === '..') throw bad(`${field} must not be "${name}".`);
  if (lengthOf(name) > MAX_ENTRY_NAME || lengthOf(nameKeyOf(name)) > MAX_ENTRY_NAME) {
    throw bad(`${field} has ${lengthOf(name)} characters; at most ${MAX_ENTRY_NAME} are allowed.`);
  }
  return name;
}

/** The names of folders in a path such as "photos/2026". Throws InvalidArgument for a name that no folder may have, and for an absolute path. */
export function checkFolderPath(path: string, field = 'path'): readonly string[] {
  if (path === '') return [];
  const names = path.split('/');
  if (names.length > MAX_DEPTH) {
    throw new OsproxyError(
      'InvalidArgument',
      `${field} has ${names.length} folders; at most ${MAX_DEPTH} fit.`,
      {
        details: { field },
      },
    );
  }
  for (const name of names) checkEntryName(name, field);
  return names;
}

/** "name (n).ext", shortened before the number where it would be too long. */
function numberedName(name: string, n: number): string {
  const dot = name.lastIndexOf('.');
  const hasExtension = dot > 0 && name.length - dot <= 32;
  const extension = hasExtension ? name.slice(dot) : '';
  let stem = [...(hasExtension ? name.slice(0, dot) : name)];
  const whole = () => `${stem.join('')} (${n})${extension}`;
  while (
    stem.length > 1 &&
    (lengthOf(whole()) > MAX_ENTRY_NAME || lengthOf(nameKeyOf(whole())) > MAX_ENTRY_NAME)
  ) {
    stem = stem.slice(0, -1);
  }
  return whole();
}

/** The first numbered name that is free. Throws Conflict where there are thousands. */
export async function freeName(
  name: string,
  taken: (keys: readonly string[]) => Promise<ReadonlySet<string>>,
): Promise<string> {
  for (let start = 1; start <= MAX_COPIES; start += COPIES_AT_ONCE) {
    const names = Array.from({ length: COPIES_AT_ONCE }, (_, index) => numberedName(name, start + index));
    const used = await taken(names.map(nameKeyOf));
    const free = names.find((one) => !used.has(nameKeyOf(one)));
    if (free !== undefined) return free;
  }
  throw new OsproxyError('Conflict', `There are ${MAX_COPIES} entries of the name "${name}" already.`, {
    details: { field: 'name' },
  });
}

function lengthOf(text: string): number {
  return [...text].length;
}
