import { Type } from 'typebox';
import { EntryBody, EntryDetailsBody } from './drive-schemas.ts';
import { ref } from './schemas.ts';

export const SearchBody = Type.Object(
  {
    entries: Type.Array(ref(EntryDetailsBody)),
    next: Type.Union([Type.String(), Type.Null()], {
      description: 'Give it as `cursor` for the next page; null on the last one.',
    }),
  },
  { $id: 'EntrySearch', description: 'Entries that were found, with where they are, the best first.' },
);

export const ChallengeBody = Type.Object(
  {
    state: Type.Enum(['challenge', 'uploadRequired']),
    id: Type.Optional(
      Type.String({ description: 'Of the challenge; left out where the content has to be uploaded.' }),
    ),
    nonce: Type.Optional(Type.String({ description: 'Key of the proof, 32 bytes in hex.' })),
    ranges: Type.Optional(
      Type.Array(Type.Object({ offset: Type.Integer(), length: Type.Integer() }), {
        description: 'Bytes of the content that the proof is made of.',
      }),
    ),
    expiresAt: Type.Optional(Type.String({ format: 'date-time', description: 'UTC.' })),
  },
  { $id: 'PossessionChallenge', description: 'What is to be shown of a content.' },
);

export const AnswerBody = Type.Object(
  {
    state: Type.Enum(['done', 'uploadRequired']),
    entry: Type.Optional(ref(EntryBody)),
  },
  { $id: 'PossessionAnswer', description: 'What became of an instant upload.' },
);

export const FINDING_SCHEMAS = [SearchBody, ChallengeBody, AnswerBody];
