import { Type } from 'typebox';
import { section, text } from './builders.ts';

const NONE = 'none';

export const rabbitmqSettings = section(
  {
    url: Type.Optional(
      text(
        '`amqp://user:password@host[:port][,host…][/vhost]`, or `amqps://` for TLS, with %2C, %3A and %40 for a comma, colon and @ in a password.',
        { defaultText: 'none; nothing uses RabbitMQ' },
      ),
    ),
    caFile: Type.Optional(
      text('PEM file of the authority that signed the certificate of the broker.', {
        defaultText: 'what Node.js trusts',
      }),
    ),
    certFile: Type.Optional(
      text('PEM file of a certificate that the broker asks for.', { defaultText: NONE }),
    ),
    keyFile: Type.Optional(text('PEM file of its key.', { defaultText: NONE })),
  },
  'The broker of everything that uses RabbitMQ and names none of its own. See docs/events.md.',
);
