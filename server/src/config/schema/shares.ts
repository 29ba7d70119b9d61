import { flag, section, whole } from './builders.ts';

export const sharesSettings = section(
  {
    enabled: flag(
      true,
      'Let people share files and folders by a link. Turned off, nobody makes shares and those that there are open nothing.',
    ),
    maxExpireDays: whole(0, 36_500, 0, 'days', 'Time after which a share must end; 0 lets it last.'),
    proofMinutes: whole(
      1,
      1440,
      60,
      'minutes',
      'Time after which the password of a share is asked for again.',
    ),
    downloadWindowMinutes: whole(
      1,
      10_080,
      60,
      'minutes',
      'Requests for ranges of one file by the same visitor within this time are one download.',
    ),
    passwordTries: whole(
      1,
      1000,
      5,
      'tries',
      'Wrong passwords of one share from one address before it has to wait.',
    ),
    passwordLockMinutes: whole(
      1,
      1440,
      15,
      'minutes',
      'Time that it has to wait, from the first wrong one on.',
    ),
  },
  'Files and folders that people share by a link.',
);

export const archivesSettings = section(
  {
    maxEntries: whole(1, 10_000_000, 100_000, 'entries', 'Most files and folders in one ZIP.'),
    maxGiB: whole(1, 1_048_576, 1024, 'GiB', 'Most bytes in one ZIP.'),
    atOnce: whole(
      1,
      1000,
      3,
      'archives',
      'ZIPs that each process sends at the same time to one person, or through one share to one address.',
    ),
  },
  'Folders and selections that are downloaded as one ZIP.',
);

export const previewsSettings = section(
  { textKiB: whole(1, 16_384, 256, 'KiB', 'Most bytes of a file that are shown as text.') },
  'What is shown of files.',
);
