import { type Static, Type } from 'typebox';
import { MEDIA_REASONS, type MediaRecord } from '#core/model/media.ts';

export const Reason = Type.Enum([...MEDIA_REASONS], { description: 'Why it was refused.' });

export const MediaBody = Type.Object(
  {
    state: Type.Enum(['probed', 'refused']),
    format: Type.Optional(Type.String({ examples: ['jpeg'] })),
    width: Type.Optional(Type.Integer({ description: 'Pixels, as it is shown.' })),
    height: Type.Optional(Type.Integer({ description: 'Pixels, as it is shown.' })),
    durationMs: Type.Optional(Type.Integer({ description: 'Of a film or a sound.' })),
    reason: Type.Optional(Reason),
    message: Type.Optional(Type.String({ description: 'One sentence for people.' })),
  },
  {
    $id: 'Media',
    description: 'What was found in an image, a film or a sound; absent where nobody has looked yet.',
    examples: [{ state: 'probed', format: 'jpeg', width: 4000, height: 3000 }],
  },
);
export type MediaBody = Static<typeof MediaBody>;

export const RedriveBody = Type.Object(
  { count: Type.Integer({ description: 'Contents that are looked at again.' }) },
  { $id: 'MediaRedrive', description: 'What happens to refusals that were forgotten.' },
);

export const MEDIA_SCHEMAS = [RedriveBody];

export function mediaBody({ facts, refusal }: MediaRecord): MediaBody {
  if (facts === undefined) return { state: 'refused', ...refusal };
  const { format, width, height, durationMs } = facts;
  return {
    ...{ state: 'probed', format },
    ...(width === undefined ? {} : { width }),
    ...(height === undefined ? {} : { height }),
    ...(durationMs === undefined ? {} : { durationMs }),
  };
}
