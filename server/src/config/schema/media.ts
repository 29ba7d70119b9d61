import { Type } from 'typebox';
import { flag, NAME, section, text, whole } from './builders.ts';

export const mediaSettings = section(
  {
    probe: flag(
      true,
      'Look at every image, film and sound that is uploaded, for its size in pixels and how long it is; else only where a thumbnail is asked for.',
    ),
    maxImageMiB: whole(1, 1024, 64, 'MiB', 'Largest image that is looked at.'),
    maxReadMiB: whole(1, 1024, 8, 'MiB', 'Most that is read of a film or a sound.'),
    maxMegapixels: whole(1, 1000, 100, 'megapixels', 'Most pixels of an image that is looked at.'),
    memoryMiB: whole(
      64,
      16_384,
      512,
      'MiB',
      'Most memory that the process takes that looks, beside about 100 MiB that it always takes; each process of the service has one while there is something to look at.',
    ),
    timeoutSeconds: whole(1, 600, 20, 'seconds', 'Longest time that looking at one content takes.'),
  },
  'Looking at images, films and sounds.',
);

export const thumbnailsSettings = section(
  {
    sizes: Type.Array(Type.Integer({ minimum: 16, maximum: 4096 }), {
      default: [64, 256, 1024],
      minItems: 1,
      maxItems: 16,
      uniqueItems: true,
      allowed: 'a list of 1 to 16 different whole numbers from 16 to 4096',
      unit: 'pixels',
      description: 'Longest sides of the thumbnails that may be asked for.',
    }),
    eager: flag(
      false,
      'Make thumbnails of all sizes as soon as an image was looked at, instead of on demand.',
    ),
    store: Type.Optional(
      text('Name of the store that keeps thumbnails.', { ...NAME, defaultText: '`defaultStore`' }),
    ),
  },
  'Smaller pictures of images.',
);
