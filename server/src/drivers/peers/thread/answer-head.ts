import type { AnswerHead } from './protocol.ts';

const STATUS_LINE = /^HTTP\/1\.1 ([2-5]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/;
const FIELD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[\t ]*([\t\x20-\x7e\x80-\xff]*?)[\t ]*$/;
/** The fields that mean something here. */
const KNOWN = /^(?:content-length|transfer-encoding|connection|x-osproxy-[a-z-]+)$/;

export interface ParsedHead extends AnswerHead {
  /** Bytes that follow on the connection; undefined where only its end would tell, or chunks. */
  readonly follows: number | undefined;
  /** True when the connection may be used again after that. */
  readonly keeps: boolean;
}

/**
 * Reads the head of an answer, the text before the empty line. Other nodes write plain HTTP/1.1 (RFC 9112), so whatever could be
 * understood in two ways throws: interim answers, folded lines, a field that says twice how long the body is.
 */
export function parseHead(text: string, method: string): ParsedHead {
  const [first = '', ...lines] = text.split('\r\n');
  const status = Number(STATUS_LINE.exec(first)?.[1]);
  if (Number.isNaN(status)) throw new Error('The answer does not begin as one of HTTP/1.1 does.');
  const fields = fieldsOf(lines);
  const { 'content-length': declared, 'transfer-encoding': encoding, connection = '', ...headers } = fields;
  if (encoding !== undefined && declared !== undefined)
    throw new Error('The answer says in two ways how long it is.');
  if (declared !== undefined && !/^\d{1,15}$/.test(declared))
    throw new Error('The answer has a length that is no number.');
  const length = declared === undefined ? undefined : Number(declared);
  // RFC 9112 §6.3: these have no content, whatever their fields say.
  const bare = method === 'HEAD' || status === 204 || status === 304;
  const follows = bare ? 0 : length;
  const keeps = follows !== undefined && !/(?:^|[\t ,])close(?:$|[\t ,])/i.test(connection);
  return { status, headers, length, follows, keeps };
}

function fieldsOf(lines: readonly string[]): Record<string, string | undefined> & Record<string, string> {
  const fields: Record<string, string> = {};
  for (const line of lines) {
    const [, name = '', value = ''] = FIELD.exec(line) ?? [];
    if (name === '') throw new Error('The answer has a header line that is none.');
    const lower = name.toLowerCase();
    if (!KNOWN.test(lower)) continue;
    if (fields[lower] !== undefined) throw new Error(`The answer has the header ${lower} twice.`);
    fields[lower] = value;
  }
  return fields;
}
