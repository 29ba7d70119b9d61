import { type Static, Type } from 'typebox';
import { SHARE_PERMISSIONS } from '#core/model/share.ts';
import { CHARSETS } from '#core/previews/decode-text.ts';
import { PREVIEW_KINDS } from '../http/preview-kind.ts';
import { PartBody, ref } from './schemas.ts';

const ENTRY = '482913374719606784';
const KEY = 'Zk3vT9qLwX0aB7cD2eF5gH8iJ1kM4nO6';

function time(description: string) {
  return Type.String({ format: 'date-time', description });
}

function orNull<T extends ReturnType<typeof Type.String> | ReturnType<typeof Type.Integer>>(schema: T) {
  return Type.Union([schema, Type.Null()]);
}

const id = Type.String({ description: 'Decimal text.', examples: [ENTRY] });
const Permission = Type.Enum([...SHARE_PERMISSIONS], {
  description:
    'download: visitors see and take. view: they see what a browser can show, and get nothing as a file to save; what can be seen can be kept all the same. upload: they put files into the folder and see nothing of what is in it.',
});
const label = Type.String({
  minLength: 1,
  maxLength: 255,
  description: 'A note for you; visitors never see it.',
});
const password = Type.String({ minLength: 4, maxLength: 1024, description: 'Visitors are asked for it.' });
const expiresAt = time('From then on the share opens nothing.');
const expiry = Type.String({
  pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d(:\\d\\d(\\.\\d{1,9})?)?(Z|[+-]\\d\\d:\\d\\d)$',
  description: 'From then on the share opens nothing; RFC 3339.',
  examples: ['2026-12-31T23:59:59Z'],
});
const maxDownloads = Type.Integer({ minimum: 1, maximum: 1_000_000, description: 'Downloads in all.' });
const maxUploads = Type.Integer({
  minimum: 1,
  maximum: 1_000_000,
  description: 'Files that visitors put in, in all.',
});
const maxUploadBytes = Type.Integer({ minimum: 1, description: 'Bytes of one file that a visitor puts in.' });

export const NewShareBody = Type.Object(
  {
    entry: Type.String({ minLength: 1, maxLength: 40, description: 'Id of the file or folder.' }),
    permission: Type.Optional(Type.Enum([...SHARE_PERMISSIONS], { default: 'download' })),
    label: Type.Optional(label),
    password: Type.Optional(password),
    expiresAt: Type.Optional(expiry),
    maxDownloads: Type.Optional(maxDownloads),
    maxUploads: Type.Optional(maxUploads),
    maxUploadBytes: Type.Optional(maxUploadBytes),
  },
  { additionalProperties: false },
);

export const ShareChangeBody = Type.Object(
  {
    permission: Type.Optional(Type.Enum([...SHARE_PERMISSIONS])),
    label: Type.Optional(orNull(label)),
    password: Type.Optional(orNull(password)),
    expiresAt: Type.Optional(orNull(expiry)),
    maxDownloads: Type.Optional(orNull(maxDownloads)),
    maxUploads: Type.Optional(orNull(maxUploads)),
    maxUploadBytes: Type.Optional(orNull(maxUploadBytes)),
  },
  { additionalProperties: false, description: 'What is left out stays; null takes away.' },
);

export const ShareBody = Type.Object(
  {
    id,
    entry: id,
    url: Type.String({ description: 'What visitors open; whoever has it is one.' }),
    key: Type.String({ description: 'The secret part of the URL.' }),
    permission: Permission,
    label: Type.Optional(label),
    hasPassword: Type.Boolean(),
    expiresAt: Type.Optional(expiresAt),
    maxDownloads: Type.Optional(maxDownloads),
    downloads: Type.Integer({ description: 'Downloads so far.' }),
    maxUploads: Type.Optional(maxUploads),
    maxUploadBytes: Type.Optional(maxUploadBytes),
    uploads: Type.Integer({ description: 'Files that visitors have put in, or are putting in.' }),
    createdAt: time('UTC.'),
    updatedAt: time('UTC.'),
    lastUsedAt: Type.Optional(time('Of the last download or upload.')),
  },
  { $id: 'Share', description: 'A share, as its owner sees it.' },
);
export type ShareBody = Static<typeof ShareBody>;

export const ShareListBody = Type.Object(
  { shares: Type.Array(ref(ShareBody)), next: Type.Union([Type.String(), Type.Null()]) },
  { $id: 'ShareList', description: 'Shares, the newest first.' },
);

export const SharedEntryBody = Type.Object(
  {
    id,
    kind: Type.Enum(['folder', 'file']),
    name: Type.String(),
    size: Type.Integer({ description: 'Bytes; 0 for a folder.' }),
    contentType: Type.Optional(Type.String()),
    preview: Type.Optional(Type.Enum([...PREVIEW_KINDS], { description: 'How it can be shown.' })),
    modifiedAt: time('UTC.'),
  },
  { $id: 'SharedEntry', description: 'A file or folder, as a visitor sees it.' },
);
export type SharedEntryBody = Static<typeof SharedEntryBody>;

export const SharedListBody = Type.Object(
  { entries: Type.Array(ref(SharedEntryBody)), next: Type.Union([Type.String(), Type.Null()]) },
  { $id: 'SharedList', description: 'What is in a shared folder; folders first.' },
);

export const SharedBody = Type.Object(
  {
    needsPassword: Type.Boolean({
      description: 'The password has yet to be proven; then nothing else is told.',
    }),
    permission: Type.Optional(Permission),
    kind: Type.Optional(Type.Enum(['folder', 'file'])),
    name: Type.Optional(Type.String()),
    entry: Type.Optional(ref(SharedEntryBody)),
    expiresAt: Type.Optional(expiresAt),
    downloadsLeft: Type.Optional(Type.Integer({ minimum: 0 })),
    uploadsLeft: Type.Optional(Type.Integer({ minimum: 0 })),
    maxUploadBytes: Type.Optional(maxUploadBytes),
  },
  { $id: 'Shared', description: 'A share, as a visitor sees it.' },
);
export type SharedBody = Static<typeof SharedBody>;

export const UnlockedBody = Type.Object(
  { token: Type.String({ description: 'To be sent as `X-Share-Token`.' }), expiresAt: time('UTC.') },
  { $id: 'Unlocked', description: 'The proof that the password was known.' },
);

export const PreviewBody = Type.Object(
  {
    kind: Type.Enum([...PREVIEW_KINDS], {
      description:
        'image, audio, video and pdf are shown from `content`, text from `text`; none cannot be shown.',
    }),
    contentType: Type.String(),
    size: Type.Integer(),
    content: Type.Union([Type.String(), Type.Null()], {
      description: 'Path of the bytes, for a browser to show.',
    }),
    text: Type.Union([Type.String(), Type.Null()], { description: 'Path of the beginning, as text.' }),
    thumbnails: Type.Array(
      Type.Object({ size: Type.Integer({ description: 'Longest side, in pixels.' }), url: Type.String() }),
      { description: 'Paths of smaller pictures; there may be none of an image that cannot be read.' },
    ),
  },
  { $id: 'Preview', description: 'How a file can be shown.' },
);
export type PreviewBody = Static<typeof PreviewBody>;

export const SharedUploadBody = Type.Object(
  {
    upload: Type.String({ description: 'Names the upload in the calls that follow.' }),
    partSize: Type.Integer({ description: 'Advised bytes of a part.' }),
    parts: Type.Array(ref(PartBody)),
    expiresAt: time('UTC; each part extends it.'),
  },
  { $id: 'SharedUpload', description: 'An upload into a shared folder.' },
);

export const NewSharedFileBody = Type.Object(
  { name: Type.String(), size: Type.Integer({ description: 'Bytes.' }) },
  { $id: 'NewSharedFile', description: 'A file that a visitor has put into a shared folder.' },
);

export const NewTicketBody = Type.Object(
  {
    kind: Type.Enum(['content', 'show', 'zip'], {
      description:
        'content: one file to save, once. zip: all of the entries to save, once. show: one file for a browser to show, with ranges, as often as it likes.',
    }),
    entries: Type.Array(Type.String({ minLength: 1, maxLength: 40 }), {
      minItems: 1,
      maxItems: 1000,
      description: 'Ids; one but for zip.',
    }),
  },
  { additionalProperties: false },
);

export const TicketBody = Type.Object(
  { url: Type.String(), expiresAt: time('UTC; or when the session ends.') },
  { $id: 'Ticket', description: 'A path that needs no header.' },
);

export const ShareParams = Type.Object({
  share: Type.String({ minLength: 1, maxLength: 100, description: 'The key of the share.', examples: [KEY] }),
});

export const SharedUploadParams = Type.Object({
  ...ShareParams.properties,
  upload: Type.String({ minLength: 1, maxLength: 200 }),
});

/** A browser that cannot send the header shows the cookie of the unlocking instead. */
export const ShareHeaders = Type.Object({
  'x-share-token': Type.Optional(Type.String({ maxLength: 500, description: 'What unlocking gave.' })),
});

export const EntryQuery = Type.Object({
  entry: Type.Optional(
    Type.String({
      maxLength: 40,
      description: 'Id of something in the shared folder; else what is shared itself.',
    }),
  ),
});

export const EntryParams = Type.Object({
  id: Type.String({ minLength: 1, maxLength: 40, description: 'Id of the entry.', examples: [ENTRY] }),
});

export const charset = Type.Optional(
  Type.Enum([...CHARSETS], { description: 'What it is written in; else that is found in the bytes.' }),
);

export const thumbnailSize = Type.Optional(
  Type.Integer({
    minimum: 1,
    maximum: 4096,
    default: 256,
    description: 'Longest side, in pixels; one of the sizes of the configuration.',
  }),
);

export const SHARE_SCHEMAS = [
  ShareBody,
  ShareListBody,
  SharedEntryBody,
  SharedListBody,
  SharedBody,
  UnlockedBody,
  PreviewBody,
  TicketBody,
  SharedUploadBody,
  NewSharedFileBody,
];
