import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { OsproxyError } from '#core/errors.ts';
import { parseUid, type Uid } from '#core/model/uid.ts';
import type { ContentDigest } from '#core/ports/metadata/content-entries.ts';

/** Values by name; a list where a field was given more than once. */
type Fields = Readonly<Record<string, unknown>>;

const DECIMAL = /^(?:0|[1-9][0-9]{0,15})$/;
const MOST_FIELDS = 100;

/** Bodies of this wire: JSON where the Content-Type says so, else a form as browsers and curl send it. */
export function readForms(scope: FastifyInstance): void {
  const json = scope.getDefaultJsonParser('error', 'error');
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('application/json', { parseAs: 'string' }, (request, text, done) => {
    if (text.length === 0) done(null, {});
    else json(request, text as string, done);
  });
  scope.addContentTypeParser('*', { parseAs: 'string' }, (request, text, done) => {
    if (!/^multipart\//i.test(request.headers['content-type'] ?? '')) done(null, ofForm(text as string));
    else
      done(new OsproxyError('Unsupported', 'Send the fields as application/x-www-form-urlencoded or JSON.'));
  });
}

function ofForm(text: string): Fields {
  const fields: Record<string, unknown> = Object.create(null);
  let count = 0;
  for (const [name, value] of new URLSearchParams(text)) {
    count += 1;
    if (count > MOST_FIELDS) break;
    fields[name] = name in fields ? [fields[name], value].flat() : value;
  }
  return fields;
}

/** What the query and the body say; a field of the body counts before one of the query. */
export function fieldsOf(request: FastifyRequest): Fields {
  const { body } = request;
  const own = typeof body === 'object' && body !== null && !Array.isArray(body) ? body : {};
  return { ...(request.query as Fields), ...(own as Fields) };
}

/** Throws InvalidArgument naming the field unless it was given once and is not empty. */
export function textOf(fields: Fields, field: string): string {
  const value = fields[field];
  if (typeof value === 'string' && value !== '') return value;
  if (typeof value === 'number') return String(value);
  if (value === undefined) throw invalid(field, 'is missing');
  if (value === '') throw invalid(field, 'must not be empty');
  throw invalid(field, Array.isArray(value) ? 'must be given once' : 'must be text');
}

export function optionalText(fields: Fields, field: string): string | undefined {
  const value = fields[field];
  return value === undefined || value === '' ? undefined : textOf(fields, field);
}

/** A decimal number without sign, fraction or leading zeros. */
export function integerOf(fields: Fields, field: string, min: number, max: number): number {
  const value = textOf(fields, field);
  const number = DECIMAL.test(value) ? Number(value) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw invalid(field, `must be a whole number from ${min} to ${max}`);
}

export function sizeOf(fields: Fields): number {
  return integerOf(fields, 'filesize', 0, Number.MAX_SAFE_INTEGER);
}

/** 40 digits are a SHA-1, 64 a SHA-256. */
export function digestOf(fields: Fields): ContentDigest {
  const hex = textOf(fields, 'filehash').toLowerCase();
  if (/^[0-9a-f]{40}$/.test(hex)) return { sha1: hex };
  if (/^[0-9a-f]{64}$/.test(hex)) return { sha256: hex };
  throw invalid('filehash', 'must be a SHA-1 (40 hex digits) or a SHA-256 (64)');
}

export function uploadIdOf(fields: Fields): Uid {
  return parseUid(textOf(fields, 'uploadid'));
}

export function invalid(field: string, wish: string): OsproxyError {
  return new OsproxyError('InvalidArgument', `"${field}" ${wish}.`, { details: { field } });
}

/** For schemas that only document what the route reads itself. */
export const documentedOnly = () => () => true;

const DIGEST = Type.String({ description: 'SHA-1 of the content in hex; a SHA-256 is taken as well.' });

/** Fields as the OpenAPI document shows them. */
export const FIELDS = {
  filehash: DIGEST,
  filename: Type.String(),
  filesize: Type.String({ description: 'Bytes.' }),
  uploadid: Type.String({ description: 'As /file/mpupload/init gave it.' }),
} as const;
