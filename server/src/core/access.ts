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

/** True when the principal may see things of this owner, uid and name; what it may not see does not exist for it. */
export function mayTouch(
  principal: Principal,
  thing: { readonly uid: string; readonly owner: string; readonly name: string },
): boolean {
  if (principal.kind === 'service') {
    if (principal.scopes.has('admin')) return true;
    return principal.owner === thing.owner && isWithin(principal.namePrefix, thing.name);
  }
  if (principal.kind === 'person') return principal.owner === thing.owner;
  if (principal.kind === 'link') return principal.uid === thing.uid;
  return false;
}

/** Names are compared character by character: what only looks the same is another name. */
export function isWithin(namePrefix: string | undefined, name: string): boolean {
  return namePrefix === undefined || name.startsWith(namePrefix);
}

/** On whose behalf new things are made, and within which limits; spread it into what core is asked to make. */
export interface Author {
  readonly owner: string;
  /** Id of the service key, where one asks. */
  readonly keyId?: string | undefined;
  /** New names must begin so. */
  readonly namePrefix?: string | undefined;
  /** New bytes go there. */
  readonly store?: string | undefined;
}

export function authorOf(principal: Principal): Author {
  if (principal.kind === 'person') return { owner: principal.owner };
  if (principal.kind === 'service') {
    const { owner, keyId, namePrefix, store } = principal;
    return { owner, keyId, namePrefix, store };
  }
  throw new OsproxyError('PermissionDenied', 'Only services with a key and people may create files.');
}

/** Throws PermissionDenied for a name that the author may not give. */
export function checkAuthor({ namePrefix }: Pick<Author, 'namePrefix'>, name: string): void {
  if (isWithin(namePrefix, name)) return;
  throw new OsproxyError(
    'PermissionDenied',
    `This service key may only use names that begin with "${namePrefix}".`,
    { details: { field: 'name', namePrefix } },
  );
}

/** Id of the key that the principal showed, where it showed one. */
export function keyIdOf(principal: Principal): string | undefined {
  return principal.kind === 'service' ? principal.keyId : undefined;
}

/** What the principal may list: things of this owner, undefined for everybody's, whose name begins with the prefix, if there is one. */
export function visibleTo(principal: ServicePrincipal): {
  readonly owner: string | undefined;
  readonly namePrefix: string | undefined;
} {
  if (principal.scopes.has('admin')) return { owner: undefined, namePrefix: undefined };
  return { owner: principal.owner, namePrefix: principal.namePrefix };
}
