interface Cookie {
  readonly value: string;
  readonly path: string;
  readonly host: string;
}

export interface Visited {
  readonly url: URL;
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

const MOST_REDIRECTS = 12;

/** What a browser does with redirects and cookies, as far as sign-in needs it: cookies go back to the host and below the path they came from. */
export class Browser {
  readonly #cookies = new Map<string, Cookie>();

  /** Follows redirects until one leads to where `stop` says; that address is not visited and its status is 0. */
  async visit(
    start: string | URL,
    stop: (url: URL) => boolean = () => false,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Visited> {
    let url = new URL(start);
    for (let count = 0; count < MOST_REDIRECTS; count += 1) {
      if (stop(url)) return { url, status: 0, headers: new Headers(), text: '' };
      const response = await this.fetch(url, { headers });
      const text = await response.text();
      const to = response.headers.get('location');
      if (to === null || response.status < 300 || response.status > 399)
        return { url, status: response.status, headers: response.headers, text };
      url = new URL(to, url);
    }
    throw new Error(`More than ${MOST_REDIRECTS} redirects, the last to ${url.origin}${url.pathname}`);
  }

  /** One request with the cookies it would carry; redirects are not followed. */
  async fetch(address: string | URL, options: RequestInit = {}): Promise<Response> {
    const url = new URL(address);
    const headers = new Headers(options.headers);
    const cookie = this.cookiesFor(url);
    if (cookie !== '') headers.set('cookie', cookie);
    const response = await fetch(url, { ...options, headers, redirect: 'manual' });
    for (const line of response.headers.getSetCookie()) this.#keep(url, line);
    return response;
  }

  cookiesFor({ host, pathname }: URL): string {
    return [...this.#cookies]
      .filter(([, one]) => one.host === host && isBelow(pathname, one.path))
      .map(([key, { value }]) => `${key.split('|')[2]}=${value}`)
      .join('; ');
  }

  /** What somebody else made it keep. */
  plant(url: URL, name: string, value: string): void {
    this.#keep(url, `${name}=${value}; Path=${url.pathname.replace(/(.)\/$/, '$1')}`);
  }

  #keep(url: URL, line: string): void {
    const [pair = '', ...attributes] = line.split(';').map((part) => part.trim());
    const equals = pair.indexOf('=');
    const named = (name: string) =>
      attributes.find((one) => one.toLowerCase().startsWith(`${name}=`))?.slice(name.length + 1);
    const path = named('path') ?? '/';
    const key = `${url.host}|${path}|${pair.slice(0, equals)}`;
    const isOver = named('max-age') === '0' || Date.parse(named('expires') ?? '9999-01-01') < Date.now();
    if (isOver) this.#cookies.delete(key);
    else this.#cookies.set(key, { value: pair.slice(equals + 1), path, host: url.host });
  }
}

/** RFC 6265, 5.1.4. */
function isBelow(path: string, of: string): boolean {
  return path === of || (path.startsWith(of) && (of.endsWith('/') || path[of.length] === '/'));
}
