import { type Static, Type } from 'typebox';
import { CONFLICT_POLICIES, ENTRY_KINDS, MAX_DEPTH } from '#core/model/entry.ts';
import { PartBody, ref } from './schemas.ts';

const ID = '482913374719606784';

function time(description: string) {
  return Type.String({ format: 'date-time', description });
}

export const EntryId = Type.String({
  minLength: 1,
  maxLength: 20,
  description: 'Id of an entry; `root` is the root folder.',
  examples: [ID],
});
export const EntryParams = Type.Object({ id: EntryId });
export const VersionParams = Type.Object({
  id: EntryId,
  version: Type.Integer({ minimum: 1, description: 'Number of the version.' }),
});
export const TaskParams = Type.Object({ id: Type.String({ pattern: '^[1-9][0-9]{0,18}$' }) });

export const EntryName = Type.String({
  minLength: 1,
  maxLength: 510,
  description:
    'At most 255 characters without "/" and control characters, and neither "." nor "..". Kept as it is given; names that differ only in case or in their Unicode form are the same.',
  examples: ['report.pdf'],
});

export const Conflict = Type.Optional(
  Type.Enum([...CONFLICT_POLICIES], {
    default: 'fail',
    description:
      'Where the name is taken: fail answers 409, keepBoth puts a number behind the new name, replace makes the content a new version of the file that is there.',
  }),
);

const entryFields = {
  id: Type.String(),
  kind: Type.Enum([...ENTRY_KINDS]),
  name: Type.String({ description: 'Empty for the root folder.' }),
  parentId: Type.Optional(Type.String({ description: 'Left out for the root folder.' })),
  size: Type.Optional(Type.Integer({ description: 'Bytes; of files.' })),
  contentType: Type.Optional(Type.String({ description: 'Of files.' })),
  version: Type.Optional(Type.Integer({ description: 'Number of the present content; of files.' })),
  state: Type.Optional(
    Type.Enum(['ready', 'held', 'rejected', 'lost'], {
      description:
        'Of files. held: not readable until it was checked. rejected: the content is not what was declared, or was refused. lost: the content is gone.',
    }),
  ),
  rejectedReason: Type.Optional(Type.String()),
  sha256: Type.Optional(Type.String({ description: 'Of files whose whole content was hashed here.' })),
  starredAt: Type.Optional(time('UTC; of favourites.')),
  shared: Type.Optional(
    Type.Literal(true, { description: 'There is a share of it; left out where there is none.' }),
  ),
  createdAt: time('UTC.'),
  modifiedAt: time('UTC; when the present content came.'),
  updatedAt: time('UTC; when anything about it changed.'),
  trashedAt: Type.Optional(time('UTC; of what is in the trash.')),
  trashedFrom: Type.Optional(Type.String({ description: 'Path that it was trashed from.' })),
};

export const EntryBody = Type.Object(entryFields, {
  $id: 'Entry',
  description: 'A folder or a file of a drive.',
});
export type EntryBody = Static<typeof EntryBody>;

export const EntryDetailsBody = Type.Object(
  {
    ...entryFields,
    path: Type.Array(Type.Object({ id: Type.String(), name: Type.String() }), {
      description: `The folders above it, the root first; at most ${MAX_DEPTH}.`,
    }),
  },
  { $id: 'EntryDetails', description: 'An entry and where it is.' },
);

export const EntryListBody = Type.Object(
  {
    entries: Type.Array(ref(EntryBody)),
    next: Type.Union([Type.String(), Type.Null()], {
      description: 'Give it as `cursor` for the next page; null on the last one.',
    }),
  },
  { $id: 'EntryList', description: 'A page of entries.' },
);

export const DriveBody = Type.Object(
  {
    rootId: Type.String(),
    usedBytes: Type.Integer({ description: 'Of all versions of all files, the trash included.' }),
    reservedBytes: Type.Integer({ description: 'Promised to uploads and copies under way.' }),
    quotaBytes: Type.Optional(Type.Integer({ description: 'Left out where there is no limit.' })),
    files: Type.Integer({ description: 'How many, the trash included.' }),
  },
  { $id: 'Drive', description: 'The drive of whoever asks.' },
);

export const VersionListBody = Type.Object(
  {
    versions: Type.Array(
      Type.Object({
        version: Type.Integer(),
        size: Type.Integer({ description: 'Bytes.' }),
        contentType: Type.String(),
        modifiedAt: time('UTC; when this content came.'),
        state: entryFields.state,
      }),
    ),
  },
  { $id: 'EntryVersionList', description: 'The contents of a file, the present one first.' },
);

export const DriveTaskBody = Type.Object(
  {
    id: Type.String(),
    kind: Type.Enum(['copy', 'delete', 'empty', 'end']),
    state: Type.Enum(['running', 'done', 'failed', 'cancelled']),
    error: Type.Optional(Type.String()),
    entryId: Type.Optional(Type.String({ description: 'What a copy became, when it is done.' })),
    done: Type.Integer({ description: 'Entries so far.' }),
    total: Type.Optional(Type.Integer({ description: 'Entries in all, when they are counted.' })),
    createdAt: time('UTC.'),
    endedAt: Type.Optional(time('UTC; when no work was left.')),
  },
  { $id: 'DriveTask', description: 'A large copy or removal.' },
);
export type DriveTaskBody = Static<typeof DriveTaskBody>;

export const DriveUploadBody = Type.Object(
  {
    uid: Type.String({ description: 'For `/uploads/{uid}/parts/{number}` and the other calls of uploads.' }),
    name: Type.String(),
    parentId: Type.String(),
    conflict: Type.Enum([...CONFLICT_POLICIES]),
    size: Type.Integer({ description: 'Bytes of the whole.' }),
    partSize: Type.Integer({ description: 'Advised bytes per part; parts of any size are taken.' }),
    expiresAt: time('When it is given up unless a part arrives. UTC.'),
    createdAt: time('UTC.'),
    parts: Type.Optional(Type.Array(ref(PartBody), { description: 'What is stored, by number.' })),
    entryId: Type.Optional(
      Type.String({ description: 'What it has become, where beginning it is repeated after its end.' }),
    ),
  },
  { $id: 'DriveUpload', description: 'An upload into a folder.' },
);

export const DriveUploadListBody = Type.Object(
  {
    uploads: Type.Array(ref(DriveUploadBody)),
    next: Type.Union([Type.String(), Type.Null()]),
  },
  { $id: 'DriveUploadList', description: 'Uploads under way, the last first.' },
);

export const DRIVE_SCHEMAS = [
  EntryBody,
  EntryDetailsBody,
  EntryListBody,
  DriveBody,
  VersionListBody,
  DriveTaskBody,
  DriveUploadBody,
  DriveUploadListBody,
];

export const PageQuery = {
  cursor: Type.Optional(Type.String({ maxLength: 4096, description: '`next` of the page before.' })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, default: 100 })),
};
