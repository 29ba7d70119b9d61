import { OsproxyError } from './errors.ts';

const MAX_NAME_BYTES = 4096;
const CONTROL = /\p{Cc}/u;

/**
 * A file's name is a label: any well-formed text of 1 to 4096 bytes in UTF-8 without control characters, kept as it is. Throws InvalidArgument.
 * It never becomes part of a path or key, so separators and dots mean nothing.
 */
export function checkName(name: string, field = 'name'): string {
  const bad = (message: string) => new OsproxyError('InvalidArgument', message, { details: { field } });
  if (name.length === 0) throw bad(`${field} must not be empty.`);
  if (!name.isWellFormed()) throw bad(`${field} is not valid Unicode.`);
  if (CONTROL.test(name)) {
    throw bad(`${field} must not contain control characters such as line breaks, tabs or NUL.`);
  }
  const bytes = Buffer.byteLength(name);
  if (bytes > MAX_NAME_BYTES) {
    throw bad(`${field} has ${bytes} bytes; at most ${MAX_NAME_BYTES} are allowed.`);
  }
  return name;
}

/** The extension in lower case without its dot, '' where there is none; ".profile" has none. */
export function extensionOf(name: string): string {
  const base = name.slice(Math.max(name.lastIndexOf('/'), name.lastIndexOf('\\')) + 1);
  const dot = base.lastIndexOf('.');
  return dot > 0 && dot < base.length - 1 ? base.slice(dot + 1).toLowerCase() : '';
}
