import { OsproxyError } from '../../errors.ts';

const MOST = 1024;
/** Stands for this service, wherever it is. */
const HERE = 'https://here.invalid';

function refused(value: string, must: string): OsproxyError {
  return new OsproxyError(
    'InvalidArgument',
    `returnTo is ${JSON.stringify(value.slice(0, 80))}; it must be ${must}.`,
    {
      details: { field: 'returnTo' },
    },
  );
}

/** Where a browser goes on: a path of this service. Throws InvalidArgument for everything that leads, or that some browser would take, elsewhere. */
export function ownPath(value: string): string {
  const must = `a path of this service such as /files, of at most ${MOST} characters`;
  if (value.length > MOST || !/^\/[\x21-\x7e]*$/.test(value) || /^\/[/\\]|\\/.test(value))
    throw refused(value, must);
  if (!URL.canParse(value, HERE)) throw refused(value, must);
  const { origin, pathname, search, hash } = new URL(value, HERE);
  // Dots and encodings are resolved before they are judged: what is kept is what browsers see.
  if (origin !== HERE || pathname.startsWith('//')) throw refused(value, must);
  return `${pathname}${search}${hash}`;
}

/** Where a program listens (RFC 8252, 7.3): an http address with a loopback IP and a port. Throws InvalidArgument. */
export function loopbackAddress(value: string): string {
  const must = 'the loopback address of a program, such as http://127.0.0.1:49152/signed-in';
  if (value.length > MOST || !/^[\x21-\x5b\x5d-\x7e]+$/.test(value) || !URL.canParse(value))
    throw refused(value, must);
  const url = new URL(value);
  const isLoopback = url.hostname === '127.0.0.1' || url.hostname === '[::1]';
  const isPlain = url.username === '' && url.password === '' && url.hash === '';
  if (url.protocol !== 'http:' || !isLoopback || !isPlain || url.port === '') throw refused(value, must);
  return url.href;
}

/** The address with something in its fragment, which no server and no log ever sees. */
export function withFragment(returnTo: string, name: string, value: string): string {
  return `${returnTo}${returnTo.includes('#') ? '&' : '#'}${name}=${encodeURIComponent(value)}`;
}

/** The address with these parameters instead of those of the same name. */
export function withParameters(returnTo: string, parameters: Readonly<Record<string, string>>): string {
  const url = new URL(returnTo, HERE);
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url.origin === HERE ? `${url.pathname}${url.search}${url.hash}` : url.href;
}
