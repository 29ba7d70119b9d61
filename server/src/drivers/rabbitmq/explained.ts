import { OsproxyError } from '#core/errors.ts';

interface Failure {
  /** Of AMQP, of the system or of TLS. */
  readonly code: string;
  readonly text: string;
}

/** Why the broker does not do what it was asked for, in words that name what to look at; no password ever appears in it. */
export function explained(error: unknown): string {
  if (error instanceof OsproxyError) return error.message;
  const { code, text } = failureOf(error);
  switch (code) {
    case 'ACCESS_REFUSED':
      return accessRefused(text);
    case 'NOT_ALLOWED':
      return notAllowed(text);
    case 'PRECONDITION_FAILED':
      return `the broker has what is asked for with other properties; delete it there or use another name: ${text}`;
    case 'NOT_FOUND':
      return `the broker does not have what is named: ${text}`;
    case 'ECONNREFUSED':
      return 'the broker cannot be reached: nothing listens at its address';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'the broker cannot be reached: its host is not known';
    case 'CONNECTION_TIMEOUT':
      return 'the broker cannot be reached: it does not answer in time';
    case 'SOCKET_TIMEOUT':
      return 'the connection to the broker was given up: it sent no heartbeat';
    case 'CONNECTION_FORCED':
      return `the broker ended the connection: ${text}`;
    case 'CONN_CLOSE':
      return 'the broker ended the connection without a word';
    case 'ECONNRESET':
    case 'EPIPE':
      return 'the connection to the broker broke';
    default:
      // What OpenSSL says beside its code names places of its source.
      if (code.startsWith('ERR_SSL') || code === 'EPROTO')
        return `there is no secure connection to the broker (${code})`;
      if (/^ERR_TLS|CERT|UNABLE_TO/.test(code))
        return `the certificate of the broker is not trusted: ${text}`;
      return `the broker cannot be used (${code}): ${text}`;
  }
}

function failureOf(error: unknown): Failure {
  if (error instanceof AggregateError && error.errors.length > 0) return failureOf(error.errors[0]);
  if (!(error instanceof Error)) return { code: 'unknown', text: String(error) };
  const code = 'code' in error ? String(error.code) : error.name;
  // The broker repeats its code in front of the sentence, after the method that the client puts there.
  const text = error.message.replace(/^\w+: /, '').replace(/^[A-Z_]+ - /, '');
  return { code, text };
}

function accessRefused(text: string): string {
  return /^Login was refused/i.test(text)
    ? 'the broker refused the user: check the name and password, and that it may log in from this machine'
    : `the broker refused what the user is not permitted to do: ${text}`;
}

function notAllowed(text: string): string {
  const missing = /^vhost (.*) not found$/.exec(text)?.[1];
  if (missing !== undefined) return `the broker has no virtual host "${missing}"`;
  return `the broker does not allow it: ${text}`;
}
