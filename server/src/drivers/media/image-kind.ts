import { Refused } from './protocol.ts';

const ASCII = 'latin1';
/** What a browser or a server could take for a page or a program; random bytes do not make these by chance. */
const FOREIGN = ['<script', '<html', '<!doctype html', '<iframe', '<?php ', '<?php\n', '<?php\r'].map(
  (text) => Buffer.from(text, ASCII),
);
const LONGEST = Math.max(...FOREIGN.map(({ length }) => length));

/** The format by the first bytes; undefined for whatever is not on the list of those that are looked at. */
export function imageKind(head: Uint8Array): 'jpeg' | 'png' | 'gif' | 'webp' | 'avif' | undefined {
  const text = Buffer.from(head.buffer, head.byteOffset, Math.min(head.byteLength, 64)).toString(ASCII);
  if (text.startsWith('\xff\xd8\xff')) return 'jpeg';
  if (text.startsWith('\x89PNG\r\n\x1a\n')) return 'png';
  if (text.startsWith('GIF87a') || text.startsWith('GIF89a')) return 'gif';
  if (text.startsWith('RIFF') && text.slice(8, 12) === 'WEBP') return 'webp';
  if (text.slice(4, 8) === 'ftyp' && /^avi[fs]/.test(text.slice(8))) return 'avif';
  return undefined;
}

/** Throws for an image that is a page or a program as well, whether it can be decoded or not. */
export function refuseDisguise(image: Buffer): void {
  const isScript = /^GIF8[79]a(\/\*|=|;)/.test(image.toString(ASCII, 0, 16)) && image.includes('*/');
  if (isScript || hasForeign(image))
    throw new Refused('disguised', 'The image is a page or a program as well.');
}

/** In small letters, a window at a time, so that a large image costs no second copy of itself. */
function hasForeign(image: Buffer): boolean {
  const WINDOW = 1 << 20;
  for (let at = 0; at < image.length; at += WINDOW) {
    const end = Math.min(at + WINDOW + LONGEST, image.length);
    if (!image.subarray(at, end).includes(0x3c)) continue;
    const lower = Buffer.from(image.toString(ASCII, at, end).toLowerCase(), ASCII);
    if (FOREIGN.some((text) => lower.includes(text))) return true;
  }
  return false;
}
