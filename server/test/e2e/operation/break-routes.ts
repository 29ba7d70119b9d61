import { subscribe } from 'node:diagnostics_channel';
import type { FastifyInstance } from 'fastify';

/** Loaded into a service under test with --import: where a request asks for it, something that nobody expects is thrown. */
subscribe('fastify.initialization', (message) => {
  const { fastify } = message as { readonly fastify: FastifyInstance };
  fastify.addHook('preHandler', async (request) => {
    const wanted = request.headers['x-test-throw'];
    if (wanted === 'error') throw new TypeError('secret-detail at /srv/secret-folder/file');
    if (wanted === 'text') throw 'secret-detail as a text';
  });
  const thrown = new WeakSet<object>();
  fastify.addHook('onSend', async (request) => {
    if (request.headers['x-test-throw'] !== 'late' || thrown.has(request)) return;
    thrown.add(request);
    throw new Error('secret-detail while sending');
  });
});
