import { subscribe } from 'node:diagnostics_channel';
import type { FastifyInstance } from 'fastify';
import type { AccessRule } from '#core/access.ts';

/** Loaded into a service under test with --import: prints a line with every route, and those of administrators that change something, once all of them are registered. */
subscribe('fastify.initialization', (message) => {
  const { fastify } = message as { readonly fastify: FastifyInstance };
  const routes = new Set<string>();
  const changing = new Set<string>();
  fastify.addHook('onRoute', (route) => {
    const { access }: { readonly access?: AccessRule } = route.config ?? {};
    const isForAdmins = access?.kind === 'service' && access.scope === 'admin';
    for (const method of [route.method].flat()) {
      routes.add(`${method} ${route.url}`);
      if (isForAdmins && method !== 'GET' && method !== 'HEAD') changing.add(`${method} ${route.url}`);
    }
  });
  fastify.addHook('onReady', async () => {
    process.stdout.write(`${JSON.stringify({ routes: [...routes], changing: [...changing] })}\n`);
  });
});
