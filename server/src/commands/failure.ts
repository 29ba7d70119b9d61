import type { Config } from '#config/config.ts';
import { ConfigError } from '#config/config-error.ts';
import { isOsproxyError } from '#core/errors.ts';

/** Whatever stopped a command, as sentences for the person at the keyboard; never a stack. */
export function explainFailure(error: unknown, config?: Config): readonly string[] {
  if (error instanceof ConfigError) return error.problems;
  // What is unavailable is another server, which says itself what was looked for.
  const elsewhere = config === undefined || isOsproxyError(error, 'Unavailable');
  const listening = elsewhere ? undefined : explainListening(error, config);
  if (listening !== undefined) return [listening];
  if (isOsproxyError(error)) {
    const cause = isOsproxyError(error, 'Internal') ? messageOf(error.cause) : undefined;
    return [cause === undefined ? error.message : `${error.message} (${cause})`];
  }
  return [`osproxy failed: ${withoutStop(messageOf(error) ?? String(error))}.`];
}

function explainListening(error: unknown, { host, port }: Config): string | undefined {
  switch (codeOf(error)) {
    case 'EADDRINUSE':
      return `Port ${port} on ${host} is already in use; stop the other program or set another port (OSPROXY_PORT).`;
    case 'EADDRNOTAVAIL':
      return `The address ${host} does not belong to this machine; set host (OSPROXY_HOST) to one that does, such as 127.0.0.1 or 0.0.0.0.`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `The host ${host} is not a known name or address; set host (OSPROXY_HOST) to an address of this machine.`;
    case 'EACCES':
      return isListenError(error)
        ? `Port ${port} needs more rights than this process has; set a port above 1023 (OSPROXY_PORT).`
        : undefined;
    default:
      return undefined;
  }
}

function* chainOf(error: unknown): Generator<Error & { code?: unknown; syscall?: unknown }> {
  let current = error;
  for (let depth = 0; depth < 10 && current instanceof Error; depth++) {
    yield current;
    current = current.cause;
  }
}

/** The first system error code in the chain of causes. */
function codeOf(error: unknown): string | undefined {
  for (const link of chainOf(error)) {
    if (typeof link.code === 'string' && /^E(?!RR_)[A-Z_]+$/.test(link.code)) return link.code;
  }
  return undefined;
}

function isListenError(error: unknown): boolean {
  return [...chainOf(error)].some((link) => link.syscall === 'listen');
}

function messageOf(error: unknown): string | undefined {
  return error instanceof Error ? error.message : undefined;
}

function withoutStop(text: string): string {
  return text.replace(/[.\s]+$/, '');
}
