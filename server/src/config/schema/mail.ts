import { Type } from 'typebox';
import { flag, section, text, whole } from './builders.ts';

export const mailSettings = section(
  {
    url: Type.Optional(
      text(
        'SMTP server: `smtp://user:password@host:port` (STARTTLS, port 587 where none is named) or `smtps://…` (TLS from the start, port 465).',
        { defaultText: 'none; nothing is sent by mail' },
      ),
    ),
    from: Type.Optional(
      text('Sender, such as `osproxy <files@example.com>`; needed with `mail.url`.', { defaultText: 'none' }),
    ),
    requireTls: flag(
      true,
      'Send nothing over a connection that the server does not encrypt. Only for `smtp://`; switch it off for a server on this machine.',
    ),
    timeoutSeconds: whole(1, 300, 15, 'seconds', 'Longest wait for the mail server.'),
  },
  'Mail for invitations, forgotten passwords and showing that an address is right. Needs `publicUrl`, which the links in mails begin with.',
);
