import { BASE_PATH } from './context.ts';

/** What is registered with the provider as the address that browsers come back to. */
export function callbackOf(base: string, provider: string): string {
  return `${base}${BASE_PATH}/auth/providers/${encodeURIComponent(provider)}/callback`;
}
