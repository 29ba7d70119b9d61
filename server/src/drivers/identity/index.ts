import { OsproxyError } from '#core/errors.ts';
import type { Clock } from '#core/ports/clock.ts';
import type { IdentityProvider } from '#core/ports/identity-provider.ts';
import { settingsProblems } from '../settings-problems.ts';
import { github } from './github/index.ts';
import type { IdentityProviderType } from './identity-provider-type.ts';
import { oidc } from './oidc/index.ts';
import { qq } from './qq/index.ts';

/** Every kind of sign-in provider by the name it has in the configuration. */
export const identityProviders = { github, oidc, qq };

/** A provider as configured: its name, its kind and the settings of that kind. */
export interface ProviderSettings {
  readonly name: string;
  readonly type: string;
  readonly title?: string | undefined;
  readonly [setting: string]: unknown;
}

/** Makes it without asking the provider. Throws InvalidArgument; `details.problems` has one sentence per wrong setting. */
export function makeIdentityProvider(
  { name, type, title, ...given }: ProviderSettings,
  clock: Clock,
): IdentityProvider {
  const kind = typeOf(name, type);
  const settings = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const wrong = settingsProblems({ what: 'sign-in provider', name, type }, kind.settings, settings);
  const problems =
    wrong.length > 0
      ? wrong
      : kind
          .problems(settings)
          .map((one) => `The sign-in provider "${name}" of type ${type} has a wrong setting: ${one}.`);
  if (problems.length > 0)
    throw new OsproxyError('InvalidArgument', problems.join(' '), { details: { problems } });
  return kind.create(settings, { name, title: title ?? kind.titleOf(name), clock });
}

function typeOf(name: string, type: string): IdentityProviderType {
  if (Object.hasOwn(identityProviders, type)) {
    return identityProviders[type as keyof typeof identityProviders] as unknown as IdentityProviderType;
  }
  const problem = `The sign-in provider "${name}" has the type "${type}"; it must be one of ${Object.keys(identityProviders).sort().join(', ')}.`;
  throw new OsproxyError('InvalidArgument', problem, { details: { problems: [problem] } });
}
