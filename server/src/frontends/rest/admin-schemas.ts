import { type Static, Type } from 'typebox';
import { CATEGORIES } from '#core/categories.ts';
import { ref } from './schemas.ts';

function time(description: string) {
  return Type.String({ format: 'date-time', description });
}

const bytes = (description: string) => Type.Integer({ description });

const StoreBody = Type.Object(
  {
    name: Type.String(),
    type: Type.String({ description: 'Its kind; empty for a store that is not configured any more.' }),
    isDefault: Type.Boolean(),
    isConfigured: Type.Boolean(),
    objects: Type.Integer({ description: 'Contents, whole or in parts, that are recorded there.' }),
    bytes: bytes('Bytes of these.'),
    maxFileSize: Type.Optional(bytes('Largest file that it takes.')),
    allowedTypes: Type.Optional(Type.Array(Type.String())),
  },
  { $id: 'Store', description: 'A store and what is in it.' },
);
export type StoreBody = Static<typeof StoreBody>;

export const StoreListBody = Type.Object(
  { stores: Type.Array(ref(StoreBody)) },
  { $id: 'StoreList', description: 'Every store.' },
);

export const Match = Type.Object(
  {
    category: Type.Optional(Type.Enum([...CATEGORIES])),
    extensions: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), {
        minItems: 1,
        maxItems: 256,
        description: 'In small letters, without the dot.',
      }),
    ),
    minSize: Type.Optional(Type.Integer({ minimum: 0 })),
    maxSize: Type.Optional(Type.Integer({ minimum: 0 })),
    owner: Type.Optional(Type.String({ minLength: 1 })),
  },
  { additionalProperties: false, description: 'Conditions that must all hold; none means every file.' },
);

const Counts = Type.Object({
  files: Type.Integer({ description: 'Files whose first bytes are among the objects.' }),
  objects: Type.Integer(),
  bytes: Type.Integer(),
});

const moveFields = {
  id: Type.String(),
  from: Type.String(),
  to: Type.String(),
  match: Match,
  bytesPerSecond: Type.Optional(Type.Integer()),
  state: Type.Enum(['running', 'paused', 'cancelled', 'done'], {
    description: 'done: everything was looked at; what failed stayed where it was.',
  }),
  total: Type.Optional(Counts),
  done: Counts,
  failedObjects: Type.Integer(),
  createdAt: time('UTC.'),
  updatedAt: time('UTC.'),
  endedAt: Type.Optional(time('UTC.')),
};

export const MoveBody = Type.Object(moveFields, {
  $id: 'Move',
  description: 'A move of content between two stores.',
});
export type MoveBody = Static<typeof MoveBody>;

export const MoveReportBody = Type.Object(
  {
    ...moveFields,
    failures: Type.Array(Type.Object({ id: Type.String(), reason: Type.String(), at: time('UTC.') }), {
      description: 'At most a hundred.',
    }),
  },
  { $id: 'MoveReport', description: 'A move with what failed and why.' },
);

export const MoveListBody = Type.Object(
  { moves: Type.Array(ref(MoveBody)) },
  { $id: 'MoveList', description: 'Moves, newest first, at most a hundred.' },
);

export const ADMIN_SCHEMAS = [StoreBody, StoreListBody, MoveBody, MoveReportBody, MoveListBody];

export const IdParams = Type.Object({
  id: Type.String({ pattern: '^[1-9][0-9]{0,18}$', description: 'Decimal id.' }),
});
