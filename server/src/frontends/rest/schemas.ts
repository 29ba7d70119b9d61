import { type Static, type TSchema, Type } from 'typebox';
import { MAX_PARTS } from '#core/model/upload.ts';
import { MediaBody } from './media-schemas.ts';

const UID = '482913374719606784';
const SHA256 = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08';
const MD5 = '098f6bcd4621d373cade4e832627b4f6';
const CREATED = '2026-03-01T09:30:00.000Z';
const LATER = '2026-03-02T09:30:00.000Z';

function time(description: string) {
  return Type.String({ format: 'date-time', description });
}

const uid = Type.String({ description: 'A positive 63-bit number as decimal text.', examples: [UID] });

export const FileBody = Type.Object(
  {
    uid,
    name: Type.String(),
    contentType: Type.String({ description: 'Found in the bytes, with the name as a help.' }),
    size: Type.Integer({ description: 'Bytes.' }),
    state: Type.Enum(['ready', 'held', 'rejected'], {
      description:
        'held: complete, but not readable until it was checked. rejected: the content failed verification or a check, and cannot be read.',
    }),
    rejectedReason: Type.Optional(Type.String()),
    sha256: Type.Optional(
      Type.String({
        description: 'Lower-case hex; what the client declared until `verified` is true. Not shown to links.',
      }),
    ),
    md5: Type.Optional(Type.String({ description: 'As sha256.' })),
    media: Type.Optional(ref(MediaBody)),
    verified: Type.Boolean({ description: 'True when this service itself has hashed the whole content.' }),
    createdAt: time('UTC.'),
    updatedAt: time('UTC; a new name or verified content.'),
  },
  {
    $id: 'File',
    description: 'A file.',
    examples: [
      {
        uid: UID,
        name: 'report.pdf',
        contentType: 'application/pdf',
        size: 4,
        state: 'ready',
        sha256: SHA256,
        md5: MD5,
        verified: true,
        createdAt: CREATED,
        updatedAt: CREATED,
      },
    ],
  },
);
export type FileBody = Static<typeof FileBody>;

export const PartBody = Type.Object(
  {
    number: Type.Integer({ description: `1 to ${MAX_PARTS}.` }),
    size: Type.Integer({ description: 'Bytes.' }),
    md5: Type.Optional(Type.String()),
    sha256: Type.String(),
  },
  {
    $id: 'Part',
    description: 'A part that is stored.',
    examples: [{ number: 1, size: 4, md5: MD5, sha256: SHA256 }],
  },
);
export type PartBody = Static<typeof PartBody>;

export const UploadBody = Type.Object(
  {
    uid,
    state: Type.Enum(['open', 'completed', 'aborted'], {
      description:
        'open: takes parts. completed: the file of the same uid exists. aborted: ended or expired.',
    }),
    name: Type.String(),
    size: Type.Optional(Type.Integer({ description: 'Bytes of the whole, where they were declared.' })),
    partSize: Type.Integer({ description: 'Advised bytes per part; parts of any size are taken.' }),
    expiresAt: Type.Optional(time('While open: when it is given up unless a part arrives. UTC.')),
    parts: Type.Array(ref(PartBody), { description: 'What is stored, by number.' }),
    file: Type.Optional(ref(FileBody)),
  },
  {
    $id: 'Upload',
    description: 'An upload.',
    examples: [{ uid: UID, state: 'open', name: 'film.mp4', partSize: 8388608, expiresAt: LATER, parts: [] }],
  },
);
export type UploadBody = Static<typeof UploadBody>;

export const FileListBody = Type.Object(
  {
    files: Type.Array(ref(FileBody), { description: 'Newest first.' }),
    next: Type.Union([Type.String(), Type.Null()], {
      description: 'Give it as `cursor` for the next page; null on the last one.',
    }),
  },
  { $id: 'FileList', description: 'A page of files.' },
);

const linkFields = {
  id: Type.String(),
  uid,
  scope: Type.Enum(['read', 'write']),
  disposition: Type.Optional(Type.Enum(['inline', 'attachment'], { description: 'Of a read link.' })),
  createdAt: time('UTC.'),
  expiresAt: time('UTC.'),
  maxUses: Type.Optional(Type.Integer({ description: 'Downloads allowed in all.' })),
  uses: Type.Optional(Type.Integer({ description: 'Downloads so far, where they are limited.' })),
};

export const LinkBody = Type.Object(linkFields, { $id: 'Link', description: 'A link, without its token.' });
export type LinkBody = Static<typeof LinkBody>;

export const NewLinkBody = Type.Object(
  {
    ...linkFields,
    token: Type.String({ description: 'Opens the uid for whoever has it; not shown again.' }),
    url: Type.String({
      description: 'Where the token opens it; a path unless the service knows its address.',
    }),
  },
  { $id: 'NewLink', description: 'A link with its token.' },
);
export type NewLinkBody = Static<typeof NewLinkBody>;

export const LinkListBody = Type.Object(
  { links: Type.Array(ref(LinkBody)) },
  { $id: 'LinkList', description: 'Links that are neither expired nor revoked, newest first.' },
);

export const SHARED_SCHEMAS = [
  MediaBody,
  FileBody,
  PartBody,
  UploadBody,
  FileListBody,
  LinkBody,
  NewLinkBody,
  LinkListBody,
];

/** A shared schema by its name, so that the OpenAPI document says it once. */
export function ref<S extends TSchema>(schema: S) {
  return Type.Unsafe<Static<S>>({ $ref: `${(schema as { $id?: string }).$id}#` });
}

export const UidParams = Type.Object({ uid });

export const PartParams = Type.Object({
  uid,
  number: Type.Integer({ minimum: 1, maximum: MAX_PARTS, description: 'Number of the part.', examples: [1] }),
});

export const LinkParams = Type.Object({ uid, id: Type.String({ description: 'Id of the link.' }) });

/** Bytes of a whole content as JSON can carry them exactly. */
export const Size = Type.Integer({
  minimum: 0,
  maximum: Number.MAX_SAFE_INTEGER,
  description: 'Bytes of the whole content.',
});
export const Sha256 = Type.String({ description: 'SHA-256 of the whole content, 64 hexadecimal digits.' });
export const Md5 = Type.String({ description: 'MD5 of the whole content, 32 hexadecimal digits.' });
export const Name = Type.String({
  description: 'Any text of 1 to 4096 bytes in UTF-8 without control characters.',
  examples: ['report.pdf'],
});

const idempotencyKey = Type.Optional(
  Type.String({
    description:
      '1 to 255 visible ASCII characters. A repeat with the same key creates nothing and answers with the first result; kept for seven days.',
    examples: ['order-4711-invoice'],
  }),
);

const digestHeaders = {
  'content-digest': Type.Optional(
    Type.String({
      description:
        'RFC 9530: `sha-256=:<base64>:`, `md5=:<base64>:` or both; checked before anything is kept.',
      examples: ['sha-256=:n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=:'],
    }),
  ),
  'repr-digest': Type.Optional(
    Type.String({ description: 'As Content-Digest; the same here, as encoded bodies are refused.' }),
  ),
  'content-md5': Type.Optional(
    Type.String({ description: 'Base64 of the MD5.', examples: ['CY9rzUYh03PK3k6DJie09g=='] }),
  ),
};

export const KeyHeaders = Type.Object({ 'idempotency-key': idempotencyKey });
export const DigestHeaders = Type.Object(digestHeaders);
export const KeyAndDigestHeaders = Type.Object({ 'idempotency-key': idempotencyKey, ...digestHeaders });

export const ContentHeaders = Type.Object({
  range: Type.Optional(Type.String({ description: 'Up to 16 ranges of bytes.', examples: ['bytes=0-1023'] })),
  'if-range': Type.Optional(
    Type.String({ description: 'Send the range only if the file still is this one.' }),
  ),
  'if-none-match': Type.Optional(Type.String({ description: 'Answer 304 if the file still is this one.' })),
  'if-match': Type.Optional(Type.String({ description: 'Answer 412 unless the file is this one.' })),
});

export const Disposition = Type.Optional(
  Type.Enum(['inline', 'attachment'], {
    default: 'inline',
    description: 'Types that a browser could run are sent as attachment in any case.',
  }),
);

/** Life of a link in seconds; the service has a limit of its own. */
export const expiresIn = Type.Optional(
  Type.Integer({ minimum: 1, description: 'Seconds from now; the service has a default and a limit.' }),
);

/** As OpenAPI 3.1 says it. */
const BINARY = { contentMediaType: 'application/octet-stream' };

/** An answer that is the content of a file, for the document; it is sent by the route. */
export function Bytes(description: string) {
  return { description, content: { 'application/octet-stream': { schema: Type.String(BINARY) } } };
}

/** A form with a file, for the document; it is read by the route, so what is validated is nothing. */
export const FormBody = Type.Unsafe<unknown>({
  type: ['object', 'null'],
  properties: { file: Type.String(BINARY) },
});

/** A request body of raw bytes, for the document; it is read by the route, so nothing is validated here. */
export const RawBody = {
  content: {
    '*/*': { schema: Type.String({ ...BINARY, description: 'The bytes, of any content type.' }) },
  },
};
