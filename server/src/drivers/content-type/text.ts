/** Control characters that appear in honest text: tab, line feed, form feed, carriage return, escape (terminal colours). */
const ALLOWED_CONTROLS: ReadonlySet<number> = new Set([0x09, 0x0a, 0x0c, 0x0d, 0x1b]);

/**
 * True when the bytes are valid UTF-8 without NUL and other control characters. Unless it is `whole`, the last character may be cut off.
 */
export function looksLikeText(bytes: Uint8Array, whole: boolean): boolean {
  for (const byte of bytes) {
    if ((byte < 0x20 && !ALLOWED_CONTROLS.has(byte)) || byte === 0x7f) return false;
  }
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: !whole });
    return true;
  } catch {
    return false;
  }
}
