/** What a person may say a text is written in; any of the Encoding Standard's that has no state. */
export const CHARSETS = [
  'utf-8',
  'utf-16le',
  'utf-16be',
  'gb18030',
  'big5',
  'shift_jis',
  'euc-jp',
  'euc-kr',
  'windows-1252',
  'windows-1251',
  'koi8-r',
] as const;
export type Charset = (typeof CHARSETS)[number];

export interface DecodedText {
  readonly text: string;
  readonly charset: Charset;
}

const BYTE_ORDER_MARKS: readonly (readonly [readonly number[], Charset])[] = [
  [[0xef, 0xbb, 0xbf], 'utf-8'],
  [[0xff, 0xfe], 'utf-16le'],
  [[0xfe, 0xff], 'utf-16be'],
];
/** Controls that appear in honest text, as bytes: tab, line feed, form feed, carriage return, escape. */
const ALLOWED: ReadonlySet<number> = new Set([0x09, 0x0a, 0x0c, 0x0d, 0x1b]);

/**
 * Reads bytes as text: as `charset` where it is given, else as what they are: by their mark, as UTF-8, as GB 18030, else as Windows-1252. undefined for what is no text.
 * Unless they are `whole`, the last character may be cut off.
 */
export function decodeText(bytes: Uint8Array, whole: boolean, charset?: Charset): DecodedText | undefined {
  const marked = BYTE_ORDER_MARKS.find(([mark]) => mark.every((byte, index) => bytes[index] === byte))?.[1];
  if (charset !== undefined) {
    return { text: new TextDecoder(charset).decode(bytes, { stream: !whole }), charset };
  }
  if (marked !== undefined) return decoded(bytes, whole, marked);
  if (hasControls(bytes)) return undefined;
  return (
    decoded(bytes, whole, 'utf-8') ??
    decoded(bytes, whole, 'gb18030') ??
    decoded(bytes, whole, 'windows-1252')
  );
}

/** Streaming keeps the beginning of a character at the end to itself, and refuses what can never become one. */
function decoded(bytes: Uint8Array, whole: boolean, charset: Charset): DecodedText | undefined {
  try {
    return { text: new TextDecoder(charset, { fatal: true }).decode(bytes, { stream: !whole }), charset };
  } catch {
    return undefined;
  }
}

function hasControls(bytes: Uint8Array): boolean {
  return bytes.some((byte) => (byte < 0x20 && !ALLOWED.has(byte)) || byte === 0x7f);
}
