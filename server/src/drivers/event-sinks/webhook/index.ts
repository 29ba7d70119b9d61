import { isIP } from 'node:net';
import { Type } from 'typebox';
import { isPublicAddress } from '../../public-address.ts';
import type { EventSinkType } from '../event-sink-type.ts';
import { keyOf } from './signature.ts';
import { WebhookSink } from './webhook-sink.ts';

const DEFAULT_LANES = 8;
const DEFAULT_TIMEOUT_SECONDS = 15;
const SECRET_TEXT = '`whsec_` and the base64 form of 24 to 64 random bytes';

function whole(minimum: number, maximum: number, fallback: number, unit: string, description: string) {
  return Type.Optional(Type.Integer({ minimum, maximum, default: fallback, unit, description }));
}

const settings = Type.Object(
  {
    url: Type.String({
      minLength: 1,
      description: 'Address that each event is posted to.',
    }),
    secret: Type.String({
      minLength: 1,
      secret: true,
      description: `What signs each event: ${SECRET_TEXT}. A receiver checks the signature with the same secret.`,
    }),
    formerSecrets: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), {
        maxItems: 4,
        secret: true,
        allowed: 'a list of at most 4 secrets',
        description: 'Secrets that sign as well, while receivers change to the new one.',
      }),
    ),
    allowPrivate: Type.Optional(
      Type.Boolean({
        default: false,
        description:
          'Let the receiver be in a private network or on this machine; else its address must be one of the public internet at every connection.',
      }),
    ),
    timeoutSeconds: whole(
      1,
      300,
      DEFAULT_TIMEOUT_SECONDS,
      'seconds',
      'Longest time from the start of a request to the end of its answer.',
    ),
    lanes: whole(
      1,
      64,
      DEFAULT_LANES,
      'requests',
      'Requests at one time; events of one subject are always sent one after the other.',
    ),
  },
  { additionalProperties: false },
);

export const webhook: EventSinkType<typeof settings> = {
  settings,
  problems: ({ url, secret, formerSecrets = [], allowPrivate }) => [
    ...urlProblems(url, allowPrivate === true),
    ...(keyOf(secret) === undefined ? [`secret is (hidden); it must be ${SECRET_TEXT}`] : []),
    ...(formerSecrets.some((one) => keyOf(one) === undefined)
      ? [`formerSecrets is (hidden); each must be ${SECRET_TEXT}`]
      : []),
    ...(new Set([secret, ...formerSecrets]).size <= formerSecrets.length
      ? ['formerSecrets is (hidden); each must be another than the others and than secret']
      : []),
  ],
  create: ({ url, secret, formerSecrets = [], allowPrivate, timeoutSeconds, lanes }, { source, clock }) => ({
    sink: new WebhookSink({
      url: new URL(url),
      keys: [secret, ...formerSecrets].flatMap((one) => keyOf(one) ?? []),
      allowPrivate: allowPrivate === true,
      timeoutMs: (timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS) * 1000,
      source,
      clock,
    }),
    // A receiver takes one event in each request.
    batching: { items: 1, bytes: Number.MAX_SAFE_INTEGER, lanes: lanes ?? DEFAULT_LANES },
  }),
};

/** An address can hold a password or a token, so that the sentence never repeats it. */
function urlProblems(text: string, allowPrivate: boolean): string[] {
  const { protocol, hostname } = URL.canParse(text) ? new URL(text) : { protocol: '', hostname: '' };
  if (protocol !== 'https:' && protocol !== 'http:')
    return ['url is not an http:// or https:// address; it must be such as https://example.com/events'];
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  if (allowPrivate || isIP(host) === 0 || isPublicAddress(host)) return [];
  return [
    `url is at ${host}, which is not an address of the public internet; set allowPrivate to true for a receiver of your own network`,
  ];
}
