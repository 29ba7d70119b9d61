import type { Readable } from 'node:stream';

/** Writes what comes in whole lines, so that lines of several processes never mix. */
export function relayLines(from: Readable, write: (lines: string) => void): void {
  let rest = '';
  from.setEncoding('utf8');
  from.on('data', (text: string) => {
    const end = text.lastIndexOf('\n') + 1;
    if (end > 0) write(rest + text.slice(0, end));
    rest = end > 0 ? text.slice(end) : rest + text;
  });
  from.on('end', () => {
    if (rest !== '') write(`${rest}\n`);
  });
  from.on('error', () => {});
}
