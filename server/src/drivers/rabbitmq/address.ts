import { OsproxyError } from '#core/errors.ts';

/** Where a broker, or the nodes of a cluster of brokers, are and how to get in. */
export interface RabbitAddress {
  readonly hosts: readonly [RabbitHost, ...RabbitHost[]];
  readonly tls: boolean;
  readonly username: string;
  readonly password: string;
  readonly vhost: string;
}

export interface RabbitHost {
  readonly hostname: string;
  readonly port: number;
}

const FORM =
  /^(?<scheme>amqps?):\/\/(?:(?<login>[^@/?#]*)@)?(?<hosts>[^@/?#]+)(?:\/(?<vhost>[^/?#]*))?(?<rest>[/?#].*)?$/;
const HOST = /^(?:\[(?<v6>[0-9a-fA-F:.]+)\]|(?<name>[A-Za-z0-9._-]+))(?::(?<port>\d{1,5}))?$/;
const PORTS = { amqp: 5672, amqps: 5671 } as const;

/**
 * Reads `amqp://user:password@host[:port][,host…][/vhost]`, with `amqps` for TLS. Throws InvalidArgument with the end of a sentence that begins
 * with the name of the setting, and never repeats a password.
 */
export function parseRabbitUrl(url: string): RabbitAddress {
  const groups = FORM.exec(url)?.groups;
  if (groups === undefined) {
    throw wrong(
      'is not an address of RabbitMQ; it must look like amqp://user:password@host:5672/vhost, or amqps:// for TLS',
    );
  }
  if (groups.rest !== undefined) {
    throw wrong('goes on after the virtual host; write %2F for / in its name, and leave parameters out');
  }
  const scheme = groups.scheme as keyof typeof PORTS;
  const [first, ...others] = (groups.hosts ?? '').split(',').map((text) => hostOf(text, PORTS[scheme]));
  if (first === undefined) throw wrong('names no host');
  return {
    hosts: [first, ...others],
    tls: scheme === 'amqps',
    ...loginOf(groups.login),
    vhost: unescaped(groups.vhost ?? '') || '/',
  };
}

function hostOf(text: string, standardPort: number): RabbitHost {
  const groups = HOST.exec(text)?.groups;
  const hostname = groups?.v6 ?? groups?.name;
  const port = groups?.port === undefined ? standardPort : Number(groups.port);
  if (hostname === undefined || port < 1 || port > 65_535) {
    throw wrong(
      `has the host "${text}"; it must be a name or address, with :port where it is not ${standardPort}`,
    );
  }
  return { hostname, port };
}

/** Brokers let the user that they are installed with in from their own machine. */
function loginOf(text: string | undefined): Pick<RabbitAddress, 'username' | 'password'> {
  if (text === undefined || text === '') return { username: 'guest', password: 'guest' };
  const [name = '', password, ...rest] = text.split(':');
  if (password === undefined || name === '') {
    throw wrong('has a user without a password; write amqp://user:password@host');
  }
  if (rest.length > 0) throw wrong('has a colon in its password; write it as %3A');
  return { username: unescaped(name), password: unescaped(password) };
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw wrong('has a % that begins no escape; write it as %25');
  }
}

function wrong(rest: string): OsproxyError {
  return new OsproxyError('InvalidArgument', rest);
}
