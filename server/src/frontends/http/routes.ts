import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import type { AccessRule } from '#core/access.ts';
import { OsproxyError } from '#core/errors.ts';
import { HttpError } from './http-error.ts';

export interface RouteEntry {
  readonly methods: readonly string[];
  /** The pattern, as in `/files/:uid`. */
  readonly url: string;
  readonly access: AccessRule;
}

/** Every route of the server, for the rule that none may lack access and for telling 404 from 405. */
export class RouteTable {
  readonly #routes: RouteOptions[] = [];

  /** Must be called before any route or plugin is registered. */
  constructor(app: FastifyInstance) {
    app.addHook('onRoute', (route) => {
      this.#routes.push(route);
    });
    app.addHook('onReady', async () => this.#requireAccess());
  }

  entries(): readonly RouteEntry[] {
    return this.#routes.flatMap((route) => {
      const access = accessOf(route);
      return access === undefined ? [] : [{ methods: methodsOf(route), url: route.url, access }];
    });
  }

  /** Methods that some route knows for this path, sorted; empty when the path is unknown. */
  methodsFor(path: string): readonly string[] {
    const known = new Set<string>();
    for (const route of this.#routes) {
      if (route.url === '*' || !matches(route.url, path)) continue;
      for (const method of methodsOf(route)) known.add(method);
    }
    return [...known].sort();
  }

  #requireAccess(): void {
    for (const route of this.#routes) {
      if (accessOf(route) !== undefined) continue;
      const name = `${methodsOf(route).join('/')} ${route.url}`;
      throw new OsproxyError('Internal', `Route ${name} has no config.access: say who may call it.`);
    }
  }
}

/** Gives routes that a plugin adds in this scope, and cannot be told otherwise, public access. */
export function makeRoutesPublic(scope: FastifyInstance): void {
  scope.addHook('onRoute', (route) => {
    route.config = { ...route.config, access: { kind: 'public' }, ignoreCredentials: true };
  });
}

/** Answers 405 with Allow for a path that other methods know and 404 for an unknown one, through the error handler of the scope it is set in. */
export function rejectUnknownRoute(
  table: RouteTable,
): (request: FastifyRequest, reply: FastifyReply) => never {
  return (request) => {
    const [path = '/'] = request.raw.url?.split('?', 1) ?? [];
    const methods = table.methodsFor(path);
    // A route of this very method that found nothing says so through this handler too.
    if (methods.length === 0 || methods.includes(request.method)) {
      throw new OsproxyError('NotFound', `There is nothing at ${path}.`);
    }
    const allow = methods.join(', ');
    throw new HttpError(405, 'Unsupported', `${request.method} is not possible here; allowed: ${allow}.`, {
      details: { allowed: methods },
      headers: { allow },
    });
  };
}

function accessOf(route: RouteOptions): AccessRule | undefined {
  const config: { readonly access?: AccessRule } | undefined = route.config;
  return config?.access;
}

function methodsOf(route: RouteOptions): readonly string[] {
  return typeof route.method === 'string' ? [route.method] : route.method;
}

function matches(pattern: string, path: string): boolean {
  const wanted = pattern.split('/');
  const given = path.split('/');
  for (const [index, segment] of wanted.entries()) {
    if (segment === '*') return given.length > index;
    const actual = given[index];
    if (actual === undefined) return false;
    if (segment.includes(':') ? actual === '' : segment !== actual) return false;
  }
  return given.length === wanted.length;
}
