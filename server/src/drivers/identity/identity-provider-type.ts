import { type Static, type TSchema, Type } from 'typebox';
import type { Clock } from '#core/ports/clock.ts';
import type { IdentityProvider } from '#core/ports/identity-provider.ts';
import { OutgoingHttp } from './outgoing-http.ts';

const DEFAULT_TIMEOUT_SECONDS = 10;

/** What a provider may use of the node it runs on. */
interface IdentityProviderContext {
  readonly name: string;
  readonly title: string;
  readonly clock: Clock;
}

/** One kind of provider: what its settings look like and how it is made. */
export interface IdentityProviderType<Settings extends TSchema = TSchema> {
  readonly settings: Settings;
  /** What people know this kind as, where an installation gives no title of its own. */
  titleOf(name: string): string;
  /** What the schema cannot say, each as the end of a sentence such as `issuer is …`; never with a secret. */
  problems(settings: Static<Settings>): readonly string[];
  /** Asks the provider later, when somebody wants to sign in. */
  create(settings: Static<Settings>, context: IdentityProviderContext): IdentityProvider;
}

export function scopesSetting(fallback: readonly string[], description: string) {
  return Type.Optional(
    Type.Array(Type.String({ pattern: '^[\\x21\\x23-\\x5b\\x5d-\\x7e]{1,200}$' }), {
      default: fallback,
      minItems: 1,
      maxItems: 32,
      allowed: 'a list of 1 to 32 scopes without spaces',
      description,
    }),
  );
}

/** What every kind has. */
export const COMMON_SETTINGS = {
  clientId: Type.String({
    minLength: 1,
    description: 'What the provider calls this service: its client id.',
  }),
  allowPrivate: Type.Optional(
    Type.Boolean({
      default: false,
      description:
        'Let every address that the provider names be in a private network or on this machine, also by http://. The addresses in these settings may be private without it.',
    }),
  ),
  timeoutSeconds: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 60,
      default: DEFAULT_TIMEOUT_SECONDS,
      unit: 'seconds',
      description: 'Longest time from the start of a request to the provider to the end of its answer.',
    }),
  ),
};

export const CLIENT_SECRET = Type.String({
  minLength: 1,
  secret: true,
  description: 'The secret that the provider gave with the client id.',
});

/** What asks the provider, by these settings. */
export function outgoingFor(
  { allowPrivate, timeoutSeconds }: { allowPrivate?: boolean; timeoutSeconds?: number },
  configured: readonly URL[],
): OutgoingHttp {
  return new OutgoingHttp({
    configured,
    allowPrivate: allowPrivate === true,
    timeoutMs: (timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS) * 1000,
  });
}

/** What is wrong with an address of a provider, as the end of a sentence. */
export function addressProblems(setting: string, text: string, allowPrivate: boolean | undefined): string[] {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain =
    url !== undefined && !url.username && !url.password && !text.includes('?') && !text.includes('#');
  if (!isPlain || !/^https?:$/.test(url.protocol))
    return [`${setting} is not an address; it must be https:// and a host, without user, query and fragment`];
  if (url.protocol === 'https:' || allowPrivate === true) return [];
  return [`${setting} is at http://; use https://, or set allowPrivate for a provider of your own network`];
}
