import { OsproxyError } from '#core/errors.ts';
import type { Principal, ServicePrincipal } from '#core/model/principal.ts';

/** For routes whose access rule admits services only. */
export function serviceOf(principal: Principal): ServicePrincipal {
  if (principal.kind === 'service') return principal;
  throw new OsproxyError('PermissionDenied', 'Only a service with a key may do this.');
}
