import fastifySwagger from '@fastify/swagger';
import fastifySwaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance, RouteOptions } from 'fastify';
import type { AccessRule } from '#core/access.ts';
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

/** The page is for this one document: no field for another address, and a phone shows it at its own width. */
const DOCS_THEME = {
  title: 'osproxy API',
  css: [
    {
      filename: 'osproxy.css',
      content:
        '.swagger-ui .topbar .download-url-wrapper { display: none; } .swagger-ui .topbar .topbar-wrapper { flex-direction: row; justify-content: space-between; }',
    },
  ],
  js: [
    {
      filename: 'viewport.js',
      content:
        "document.head.append(Object.assign(document.createElement('meta'), { name: 'viewport', content: 'width=device-width, initial-scale=1' }));",
    },
  ],
};

const DOCS_LOGO = {
  type: 'image/svg+xml',
  content:
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 110 40" height="40"><text y="28" textLength="108" lengthAdjust="spacingAndGlyphs" font-family="sans-serif" font-size="26" font-weight="bold" fill="#fff">osproxy</text></svg>',
};

/** Must be registered before the routes it describes. */
export async function registerOpenApi(app: FastifyInstance, options: OpenApiOptions): Promise<void> {
  app.addSchema(ProblemSchema);
  if (!options.enabled) return;
  app.addHook('onRoute', nameKeys);
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
      tags: [
        { name: 'files', description: 'Store, read, list, rename and delete.' },
        { name: 'uploads', description: 'Send a large file in parts, and go on after an interruption.' },
        { name: 'links', description: 'Let somebody without a key read one file or send one upload.' },
        { name: 'accounts', description: 'Sign in, and see where one is signed in.' },
        { name: 'users', description: 'Who has an account, for administrators.' },
        { name: 'groups', description: 'People who share a quota and a store.' },
        { name: 'keys', description: 'Keys for programs, their limits and their rotation.' },
        { name: 'audit', description: 'Who did what from where.' },
        { name: 'drive', description: 'Folders and files of the person who is signed in.' },
        { name: 'shares', description: 'Open a file or a folder of the drive to others.' },
        { name: 'shared', description: 'What visitors of a share may do.' },
        { name: 'filestore', description: 'The interface that clients of a small drive service speak.' },
        { name: 'events', description: 'Hear of what happens, and see who is told of it.' },
        { name: 'usage', description: 'See who moved how much.' },
        {
          name: 'stores',
          description: 'Where bytes are kept, moves between stores, and reading them again.',
        },
        { name: 'tasks', description: 'Background work: see, stop and repeat it.' },
        { name: 'cluster', description: 'The nodes that work together.' },
        { name: 'osproxy-v0', description: 'The interface that existing osproxy clients speak.' },
        { name: 'operation', description: 'Is it alive, is it ready, what has it counted.' },
      ],
      components: {
        securitySchemes: {
          bearerKey: { type: 'http', scheme: 'bearer', description: 'A service key.' },
          apiKey: { type: 'apiKey', in: 'header', name: 'X-Api-Key', description: 'A service key.' },
          accessToken: {
            type: 'http',
            scheme: 'bearer',
            bearerFormat: 'JWT',
            description: 'The access token of somebody who is signed in.',
          },
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
      theme: DOCS_THEME,
      logo: DOCS_LOGO,
      uiConfig: { validatorUrl: null, deepLinking: true },
    });
  });
}

/** A route that needs a key says so, where its front end has not said it in more detail. */
function nameKeys(route: RouteOptions): void {
  const { access }: { access?: AccessRule } = route.config ?? {};
  if (access?.kind !== 'service' || route.schema === undefined) return;
  route.schema = { security: [{ bearerKey: [] }, { apiKey: [] }], ...route.schema };
}

function nameOf(schema: { readonly $id?: unknown }, index: number): string {
  return typeof schema.$id === 'string' ? schema.$id : `Schema${index}`;
}
