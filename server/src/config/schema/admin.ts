import { Type } from 'typebox';
import { section, text } from './builders.ts';

export const adminSettings = section(
  {
    name: Type.Optional(
      text('Name of an administrator that is made at a start at which nobody has an account.', {
        defaultText: 'none; the first start prints a link that makes one',
      }),
    ),
    password: Type.Optional(
      text('Password of this administrator; it may be taken away after the first start.', {
        minLength: 8,
        secret: true,
        defaultText: 'none',
      }),
    ),
  },
  'The first administrator, where no person is there to follow a link. See docs/accounts.md.',
);
