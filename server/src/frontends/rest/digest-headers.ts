import type { IncomingHttpHeaders } from 'node:http';
import { OsproxyError } from '#core/errors.ts';

export interface DeclaredDigests {
  /** Lower-case hex. */
  readonly sha256?: string;
  readonly md5?: string;
}

/** RFC 9530 §5: the names of the algorithms that are checked; every other one is ignored. */
const ALGORITHMS: Readonly<Record<string, { readonly field: 'sha256' | 'md5'; readonly bytes: number }>> = {
  'sha-256': { field: 'sha256', bytes: 32 },
  md5: { field: 'md5', bytes: 16 },
};

/** One member of an RFC 8941 dictionary whose value is a byte sequence, with parameters that mean nothing here. */
const MEMBER = /([a-z*][a-z0-9_.*-]*)=:([A-Za-z0-9+/]*={0,2}):[ \t]*(?:;[^,";]*)*(?:,[ \t]*(?=.)|$)/y;

/**
 * What Content-Digest, Repr-Digest (RFC 9530) and Content-MD5 (RFC 1864) declare about a body. Repr-Digest says the same as Content-Digest
 * where the body is the whole, unencoded representation, so use it only there. Throws InvalidArgument for a header that is malformed or
 * contradicts another.
 */
export function digestsOf(headers: IncomingHttpHeaders): DeclaredDigests {
  const found: { sha256?: string; md5?: string } = {};
  const declare = (header: string, field: 'sha256' | 'md5', value: string): void => {
    if (found[field] !== undefined && found[field] !== value) {
      throw malformed(header, 'contradicts another digest of this request');
    }
    found[field] = value;
  };
  for (const header of ['Content-Digest', 'Repr-Digest']) {
    const text = headers[header.toLowerCase()];
    if (typeof text !== 'string') continue;
    for (const [name, value] of members(header, text)) {
      const algorithm = ALGORITHMS[name];
      if (algorithm !== undefined) declare(header, algorithm.field, decode(header, value, algorithm.bytes));
    }
  }
  const md5 = headers['content-md5'];
  if (typeof md5 === 'string') {
    if (!/^[A-Za-z0-9+/]+={0,2}$/.test(md5.trim())) throw malformed('Content-MD5', 'must be base64');
    declare('Content-MD5', 'md5', decode('Content-MD5', md5.trim(), 16));
  }
  return found;
}

/** RFC 8941 §4.2.2: where a key comes twice the last one counts. */
function members(header: string, text: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const trimmed = text.trim();
  MEMBER.lastIndex = 0;
  for (let at = 0; at < trimmed.length; at = MEMBER.lastIndex) {
    const match = MEMBER.exec(trimmed);
    if (match === null) {
      throw malformed(header, 'must be a list such as sha-256=:<base64>:, md5=:<base64>:');
    }
    found.set(match[1] ?? '', match[2] ?? '');
  }
  return found;
}

function decode(header: string, base64: string, bytes: number): string {
  const digest = Buffer.from(base64, 'base64');
  if (digest.length === bytes && digest.toString('base64') === base64) return digest.toString('hex');
  throw malformed(header, `must hold the base64 of ${bytes} bytes`);
}

function malformed(header: string, wish: string): OsproxyError {
  return new OsproxyError('InvalidArgument', `Header "${header}" ${wish}.`, { details: { field: header } });
}
