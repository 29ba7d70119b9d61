/** Left-aligned columns, two spaces apart; empty cells show as a dash. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [header, ...rows].map((row) => row.map((cell) => printable(cell) || '-'));
  const widths = header.map((_, column) => Math.max(...lines.map((row) => width(row[column] ?? ''))));
  return lines
    .map((row) =>
      row
        .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - width(cell)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

const width = (text: string): number => [...text].length;

/** Control characters in a stored name must not reach the terminal. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '�');
}

export function timeText(ms: number | undefined): string {
  return ms === undefined ? '' : new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}
