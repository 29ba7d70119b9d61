import { OsproxyError } from '#core/errors.ts';
import { checkName, extensionOf } from '#core/names.ts';

const SHOWN_CHARACTERS = 200;

/** The last segment of a client's path, separated by "/" or "\", as a file name. Throws InvalidArgument naming the field. */
export function nameOfPath(path: string, field: string): string {
  const start = Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1;
  return checkName(path.slice(start), field);
}

/** As nameOfPath, for calls that insist on an extension. */
export function nameWithExtension(path: string, field: string): string {
  const name = nameOfPath(path, field);
  if (extensionOf(name) !== '') return name;
  const shown = path.length > SHOWN_CHARACTERS ? `${path.slice(0, SHOWN_CHARACTERS)}…` : path;
  throw new OsproxyError('InvalidArgument', `${field} ${JSON.stringify(shown)} has no file extension.`, {
    details: { field },
  });
}
