import type { AuditEntry } from '../model/audit.ts';

const COLUMNS: readonly (readonly [string, (entry: AuditEntry) => string | undefined])[] = [
  ['time', ({ at }) => new Date(at).toISOString()],
  ['actor_kind', ({ actor }) => actor.kind],
  ['actor_id', ({ actor }) => actor.id],
  ['actor_name', ({ actor }) => actor.name],
  ['action', ({ action }) => action],
  ['subject_kind', ({ subject }) => subject.kind],
  ['subject_id', ({ subject }) => subject.id],
  ['outcome', ({ outcome }) => outcome],
  ['address', ({ origin }) => origin.address],
  ['user_agent', ({ origin }) => origin.userAgent],
  ['request_id', ({ origin }) => origin.requestId],
  ['detail', ({ detail }) => JSON.stringify(detail)],
];

/** What a spreadsheet takes for the beginning of a formula, also behind blanks and as wide characters. */
const FORMULA = /^[\s\p{Cc}]*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]/u;

/** RFC 4180; the first line names the columns. */
export const CSV_HEAD = line(COLUMNS.map(([name]) => name));

export function csvLine(entry: AuditEntry): string {
  return line(COLUMNS.map(([, value]) => value(entry) ?? ''));
}

function line(cells: readonly string[]): string {
  return `${cells.map(cell).join(',')}\r\n`;
}

/** A cell that a spreadsheet would compute begins with an apostrophe, so that it is shown instead. */
function cell(text: string): string {
  const plain = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}
