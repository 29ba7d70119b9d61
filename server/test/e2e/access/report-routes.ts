import { subscribe } from 'node:diagnostics_channel';
import type { FastifyInstance } from 'fastify';

/** Loaded into a service under test with --import: prints a line with every route once all of them are registered. */
subscribe('fastify.initialization', (message) => {
  const { fastify } = message as { readonly fastify: FastifyInstance };
  const routes = new Set<string>();
  fastify.addHook('onRoute', (route) => {
    for (const method of [route.method].flat()) routes.add(`${method} ${route.url}`);
  });
  fastify.addHook('onReady', async () => {
    process.stdout.write(`${JSON.stringify({ routes: [...routes] })}\n`);
  });
});
