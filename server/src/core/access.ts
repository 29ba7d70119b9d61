import { OsproxyError } from './errors.ts';
import type { LinkScope } from './model/link.ts';
import type { PersonPrincipal, Principal, Scope, ServicePrincipal } from './model/principal.ts';

/** Who may call a route. A route without a rule does not start. */
export type AccessRule =
  /** Anyone; the route itself checks a signature where it needs one. */
  | { readonly kind: 'public' }
  /**
   * A service with the scope; with `link`, also the bearer of a link of that scope for the uid in the path; with `person`, also
   * anybody signed in. Where the scope is "admin", also a signed-in admin.
   */
  | { readonly kind: 'service'; readonly scope: Scope; readonly link?: LinkScope; readonly person?: true }
  /** Anybody signed in, and no service: what is here belongs to people. */
  | { readonly kind: 'person' }
  /** Another node of the cluster and nobody else, whatever key it has. */
  | { readonly kind: 'peer' };

/** Throws Unauthenticated for nobody, PermissionDenied for somebody who may not. Which uid a link opens is checked by `mayTouch`. */
export function admit(rule: AccessRule, principal: Principal): void {
  if (rule.kind === 'public') return;
  if (rule.kind === 'peer') {
    if (principal.kind === 'peer') return;
    throw new OsproxyError('Unauthenticated', 'This call is for the other nodes of the cluster only.');
  }
  if (principal.kind === 'peer') {
    throw new OsproxyError('PermissionDenied', 'The other nodes of the cluster have no use for this call.');
  }
  if (principal.kind === 'anonymous') {
    throw new OsproxyError(
      'Unauthenticated',
      rule.kind === 'person'
        ? 'This call needs somebody signed in: send "Authorization: Bearer <access token>".'
        : 'This call needs a service key: send "Authorization: Bearer <key>" or "X-Api-Key: <key>".',
    );
  }
  if (principal.kind === 'link') {
    if (rule.kind === 'service' && rule.link === principal.scope) return;
    throw new OsproxyError('PermissionDenied', 'This link does not allow this call.');
  }
  if (principal.kind === 'person') {
    admitPerson(rule, principal);
    return;
  }
  if (rule.kind === 'person') {
    throw new OsproxyError(
      'PermissionDenied',
      'This call is for people who are signed in, not for services.',
    );
  }
  if (!principal.scopes.has(rule.scope) && !principal.scopes.has('admin')) {
    throw new OsproxyError('PermissionDenied', `This service key lacks the scope "${rule.scope}".`, {
      details: { scope: rule.scope },
    });
  }
}

function admitPerson(
  rule: Exclude<AccessRule, { kind: 'public' | 'peer' }>,
  { role }: PersonPrincipal,
): void {
  if (rule.kind === 'person' || rule.person === true) return;
  if (rule.scope === 'admin' && role === 'admin') return;
  throw new OsproxyError(
    'PermissionDenied',
    rule.scope === 'admin' ? 'Only an administrator may do this.' : 'Only a service with a key may do this.',
  );
}

/** True when the principal may see things of this owner and uid; what it may not see does not exist for it. */
export function mayTouch(
  principal: Principal,
  thing: { readonly uid: string; readonly owner: string },
): boolean {
  if (principal.kind === 'service') return principal.scopes.has('admin') || principal.owner === thing.owner;
  if (principal.kind === 'person') return principal.owner === thing.owner;
  if (principal.kind === 'link') return principal.uid === thing.uid;
  return false;
}

/** The owner that new things of this principal belong to. */
export function ownerOf(principal: Principal): string {
  if (principal.kind === 'service' || principal.kind === 'person') return principal.owner;
  throw new OsproxyError('PermissionDenied', 'Only services with a key and people may create files.');
}

/** Id of the key that the principal showed, where it showed one. */
export function keyIdOf(principal: Principal): string | undefined {
  return principal.kind === 'service' ? principal.keyId : undefined;
}

/** The owner whose things the principal may list; undefined means everybody's. */
export function visibleOwner(principal: ServicePrincipal): string | undefined {
  return principal.scopes.has('admin') ? undefined : principal.owner;
}
