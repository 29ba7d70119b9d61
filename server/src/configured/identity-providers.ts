import type { Config } from '#config/config.ts';
import { ConfigError } from '#config/config-error.ts';
import { isOsproxyError } from '#core/errors.ts';
import type { Clock } from '#core/ports/clock.ts';
import type { IdentityProvider } from '#core/ports/identity-provider.ts';
import { makeIdentityProvider } from '#drivers/identity/index.ts';

/** The sign-in providers of the configuration, in its order; none is asked yet. Throws a ConfigError with every wrong setting of every one at once. */
export function configuredIdentityProviders({ signIn }: Config, clock: Clock): readonly IdentityProvider[] {
  const problems: string[] = [];
  const providers = signIn.providers.flatMap((settings): IdentityProvider[] => {
    try {
      return [makeIdentityProvider(settings, clock)];
    } catch (error) {
      if (!isOsproxyError(error, 'InvalidArgument')) throw error;
      problems.push(...((error.details.problems as readonly string[] | undefined) ?? [error.message]));
      return [];
    }
  });
  if (problems.length > 0) throw new ConfigError(problems);
  return providers;
}

/** For the doctor: whether each provider can be reached. */
export function identityProviderChecks(providers: readonly IdentityProvider[]) {
  return providers.map((provider) => ({
    check: `sign-in with ${provider.name}`,
    fix: `Compare the settings of "${provider.name}" in signIn.providers with what the provider says, and see that it can be reached from here; docs/sign-in-with.md.`,
    run: () => provider.check().catch(explain),
  }));
}

/** What a person must not see is what the doctor is asked for. */
function explain(error: unknown): never {
  throw error instanceof Error && error.cause instanceof Error ? error.cause : error;
}
