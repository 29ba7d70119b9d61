import { Type } from 'typebox';
import { CATEGORIES } from '#core/categories.ts';
import { NAME, size, text } from './builders.ts';

export const MIB_PER_TIB = 1024 * 1024;

/** One of the two words of a media type. */
const MEDIA_NAME = '[a-z0-9][a-z0-9!#$&^_.+-]*';

export const storeSchema = Type.Object(
  {
    name: text(
      'Name of the store in placements, logs and metrics; never change it once files are there.',
      NAME,
    ),
    type: text(
      '`local-disk` keeps files in a folder, `s3` in a bucket, `memory` forgets them when the process ends; or the path of a module of your own, such as `./my-store.ts`, relative to the configuration file.',
    ),
    maxFileSizeMiB: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1024 * MIB_PER_TIB,
        unit: 'MiB',
        description: 'Largest file that it takes; a larger one is refused.',
      }),
    ),
    allowedTypes: Type.Optional(
      Type.Array(
        Type.String({
          pattern: `^(\\*|${MEDIA_NAME})/(\\*|${MEDIA_NAME})$`,
          allowed: 'a media type in small letters such as application/pdf or image/*',
        }),
        {
          minItems: 1,
          maxItems: 256,
          description:
            'Media types that it takes, `*` standing for any; a file whose bytes are of another type is refused.',
        },
      ),
    ),
  },
  { description: 'The settings of its type stand beside these.' },
);

const matchSchema = Type.Object(
  {
    category: Type.Optional(
      Type.Enum([...CATEGORIES], { description: 'What kind of file the extension says it is.' }),
    ),
    extensions: Type.Optional(
      Type.Array(
        Type.String({
          pattern: '^[^.A-Z/\\s][^A-Z/\\s]*$',
          allowed: 'an extension in small letters without its dot',
        }),
        { minItems: 1, maxItems: 256, description: 'Extensions of the name, such as `mp4`.' },
      ),
    ),
    minSize: Type.Optional(size('Smallest size; a size that is not declared does not match.')),
    maxSize: Type.Optional(size('Largest size; a size that is not declared does not match.')),
    owner: Type.Optional(text('Owner of the service key.')),
    key: Type.Optional(text('Id of the service key.')),
    group: Type.Optional(text('Name of the group of the person.')),
  },
  { additionalProperties: false, description: 'Conditions that must all hold; `{}` matches every file.' },
);

export const ruleSchema = Type.Object(
  {
    match: matchSchema,
    store: text('Store that takes the file.', NAME),
    thenTransferTo: Type.Optional(
      text('Store that the finished file is transferred to in the background.', NAME),
    ),
  },
  { additionalProperties: false },
);
