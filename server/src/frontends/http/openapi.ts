import fastifySwagger from '@fastify/swagger';
import fastifySwaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { ProblemSchema } from './problem.ts';
import { makeRoutesPublic } from './routes.ts';

export interface OpenApiOptions {
  /** false: neither /openapi.json nor /docs exist. */
  readonly enabled: boolean;
  /** Version of the service. */
  readonly version: string;
}

/** Everything the page needs comes from this server; Swagger UI styles its elements inline. */
const DOCS_CSP = [
  "default-src 'none'",
  "base-uri 'none'",
  "connect-src 'self'",
  "font-src 'self' data:",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "img-src 'self' data:",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
].join('; ');

/** Must be registered before the routes it describes. */
export async function registerOpenApi(app: FastifyInstance, options: OpenApiOptions): Promise<void> {
  app.addSchema(ProblemSchema);
  if (!options.enabled) return;
  await app.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'osproxy',
        version: options.version,
        description:
          'One file service in front of any store. Every failure is answered with problem details (RFC 9457): act on `code`.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      components: {
        securitySchemes: {
          bearerKey: { type: 'http', scheme: 'bearer', description: 'A service key.' },
          apiKey: { type: 'apiKey', in: 'header', name: 'X-Api-Key', description: 'A service key.' },
          linkToken: {
            type: 'apiKey',
            in: 'query',
            name: 'link',
            description: 'A signed link to one file; also as `Authorization: Link <token>`.',
          },
        },
      },
    },
    refResolver: { buildLocalReference: (json, _base, _fragment, index) => nameOf(json, index) },
  });
  app.get(
    '/openapi.json',
    { config: { access: { kind: 'public' }, ignoreCredentials: true }, schema: { hide: true } },
    async () => app.swagger(),
  );
  await app.register(async (scope) => {
    makeRoutesPublic(scope);
    await scope.register(fastifySwaggerUi, {
      routePrefix: '/docs',
      staticCSP: DOCS_CSP,
      uiConfig: { url: '/openapi.json', validatorUrl: null, deepLinking: true },
    });
  });
}

function nameOf(schema: { readonly $id?: unknown }, index: number): string {
  return typeof schema.$id === 'string' ? schema.$id : `Schema${index}`;
}
