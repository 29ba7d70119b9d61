import type { IncomingHttpHeaders } from 'node:http';
import fastifyCookie from '@fastify/cookie';
import type { FastifyInstance, RouteOptions } from 'fastify';
import type { AccessRule } from '#core/access.ts';
import { ProblemSchema } from '../http/problem.ts';
import { leaveBodiesToRoutes } from '../http/receive.ts';
import type { HttpServer } from '../http/server.ts';
import { ACCOUNT_ROUTES } from './account-routes.ts';
import { ACCOUNT_SCHEMAS } from './account-schemas.ts';
import { ADMINISTRATION_ROUTES, ADMINISTRATION_SCHEMAS } from './admin-routes.ts';
import { ADMIN_SCHEMAS } from './admin-schemas.ts';
import { CLUSTER_SCHEMAS } from './cluster-schemas.ts';
import { BASE_PATH, type RestOptions } from './context.ts';
import { DRIVE_BYTE_ROUTES, DRIVE_ROUTES } from './drive-routes.ts';
import { DRIVE_SCHEMAS } from './drive-schemas.ts';
import { EVENT_SCHEMAS } from './event-schemas.ts';
import { FINDING_ROUTES } from './finding-routes.ts';
import { FINDING_SCHEMAS } from './finding-schemas.ts';
import { HELD_SCHEMAS } from './held-schemas.ts';
import { IDENTITY_ROUTES } from './identity-routes.ts';
import { IDENTITY_SCHEMAS } from './identity-schemas.ts';
import { MEDIA_SCHEMAS } from './media-schemas.ts';
import { requirePlainText } from './plain-text.ts';
import { COMMON, problems } from './problems.ts';
import { publicKeys } from './routes/auth/public-keys.ts';
import { getCluster } from './routes/cluster/get.ts';
import { controlSink, discardParked, listParked, listSinks, redriveParked } from './routes/events/sinks.ts';
import { streamEvents } from './routes/events/stream.ts';
import { fileContent } from './routes/files/content.ts';
import { deleteFile } from './routes/files/delete.ts';
import { getFile } from './routes/files/get.ts';
import { listFiles } from './routes/files/list.ts';
import { postFile } from './routes/files/post-form.ts';
import { putFile } from './routes/files/put.ts';
import { renameFile } from './routes/files/rename.ts';
import { fileThumbnail } from './routes/files/thumbnail.ts';
import { decideHeld } from './routes/held/decide.ts';
import { listHeld } from './routes/held/list.ts';
import { createReadLink } from './routes/links/create-read.ts';
import { createWriteLink } from './routes/links/create-write.ts';
import { listLinks } from './routes/links/list.ts';
import { listWriteLinks } from './routes/links/list-write.ts';
import { revokeLink } from './routes/links/revoke.ts';
import { revokeAllLinks } from './routes/links/revoke-all.ts';
import { revokeAllWriteLinks } from './routes/links/revoke-all-write.ts';
import { revokeWriteLink } from './routes/links/revoke-write.ts';
import { redriveMedia } from './routes/media/redrive.ts';
import { controlMove } from './routes/moves/control.ts';
import { createMove } from './routes/moves/create.ts';
import { getMove } from './routes/moves/get.ts';
import { listMoves } from './routes/moves/list.ts';
import { getScrub } from './routes/scrub/get.ts';
import { startScrub } from './routes/scrub/start.ts';
import { listStores } from './routes/stores/list.ts';
import { cancelTask } from './routes/tasks/cancel.ts';
import { getTask } from './routes/tasks/get.ts';
import { listTasks } from './routes/tasks/list.ts';
import { retryTask } from './routes/tasks/retry.ts';
import { submitTask } from './routes/tasks/submit.ts';
import { controlTaskType, listTaskTypes } from './routes/tasks/types.ts';
import { abortUpload } from './routes/uploads/abort.ts';
import { completeUpload } from './routes/uploads/complete.ts';
import { createUpload } from './routes/uploads/create.ts';
import { uploadStatus } from './routes/uploads/status.ts';
import { writeContent } from './routes/uploads/write-content.ts';
import { writePart } from './routes/uploads/write-part.ts';
import { getUsage } from './routes/usage/get.ts';
import { SHARED_SCHEMAS } from './schemas.ts';
import { SCRUB_SCHEMAS } from './scrub-schemas.ts';
import { SHARE_BYTE_ROUTES, SHARE_ROUTES } from './share-routes.ts';
import { SHARE_SCHEMAS } from './share-schemas.ts';
import { TASK_SCHEMAS } from './task-schemas.ts';
import { USAGE_SCHEMAS } from './usage-schemas.ts';

export type { RestOptions } from './context.ts';

type Route = (app: HttpServer, options: RestOptions) => void;

const SCHEMAS = [
  ...SHARED_SCHEMAS,
  ...ACCOUNT_SCHEMAS,
  ...IDENTITY_SCHEMAS,
  ...ADMIN_SCHEMAS,
  ...ADMINISTRATION_SCHEMAS,
  ...CLUSTER_SCHEMAS,
  ...DRIVE_SCHEMAS,
  ...FINDING_SCHEMAS,
  ...EVENT_SCHEMAS,
  ...HELD_SCHEMAS,
  ...SCRUB_SCHEMAS,
  ...SHARE_SCHEMAS,
  ...MEDIA_SCHEMAS,
  ...TASK_SCHEMAS,
  ...USAGE_SCHEMAS,
];

/** Routes with a JSON body or none. */
const JSON_ROUTES: readonly Route[] = [
  ...DRIVE_ROUTES,
  ...FINDING_ROUTES,
  ...ADMINISTRATION_ROUTES,
  ...ACCOUNT_ROUTES,
  ...SHARE_ROUTES,
  ...IDENTITY_ROUTES,
  getCluster,
  listStores,
  getScrub,
  startScrub,
  createMove,
  listMoves,
  getMove,
  controlMove,
  listTasks,
  getTask,
  cancelTask,
  retryTask,
  listTaskTypes,
  controlTaskType,
  submitTask,
  getUsage,
  streamEvents,
  listSinks,
  controlSink,
  listParked,
  redriveParked,
  discardParked,
  createUpload,
  uploadStatus,
  completeUpload,
  abortUpload,
  listFiles,
  getFile,
  renameFile,
  deleteFile,
  fileContent,
  fileThumbnail,
  redriveMedia,
  listHeld,
  decideHeld,
  createReadLink,
  createWriteLink,
  listLinks,
  revokeLink,
  revokeAllLinks,
  listWriteLinks,
  revokeWriteLink,
  revokeAllWriteLinks,
];

/** Routes that read the body themselves. */
const BYTE_ROUTES: readonly Route[] = [
  ...DRIVE_BYTE_ROUTES,
  ...SHARE_BYTE_ROUTES,
  writePart,
  writeContent,
  putFile,
  postFile,
];

/** The REST interface, version 1. */
export async function registerRest(app: HttpServer, options: RestOptions): Promise<void> {
  if (app.getSchema('Problem') === undefined) app.addSchema(ProblemSchema);
  publicKeys(app, options);
  await app.register(
    async (scope) => {
      for (const schema of SCHEMAS) scope.addSchema(schema);
      scope.addHook('onRoute', document);
      scope.addHook('preValidation', requirePlainText);
      scope.addHook('onRequest', async (_request, reply) => {
        reply.header('cache-control', 'no-store');
      });
      await scope.register(async (json) => {
        await json.register(fastifyCookie);
        parseJson(json);
        for (const route of JSON_ROUTES) route(json as unknown as HttpServer, options);
      });
      await scope.register(async (bytes) => {
        leaveBodiesToRoutes(bytes);
        bytes.addHook('onRequest', async (request) => disregardOddType(request.raw.headers));
        for (const route of BYTE_ROUTES) route(bytes as unknown as HttpServer, options);
      });
    },
    { prefix: BASE_PATH },
  );
}

const MEDIA_TYPE = /^[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+\s*(;|$)/;

/** A Content-Type that is no media type says nothing about bytes; the framework would refuse the request for it. */
function disregardOddType(headers: IncomingHttpHeaders): void {
  if (!MEDIA_TYPE.test(headers['content-type'] ?? '')) delete headers['content-type'];
}

/** JSON is the only form of a parsed body; an empty one counts as none, whatever its Content-Type says. */
function parseJson(scope: FastifyInstance): void {
  const parse = scope.getDefaultJsonParser('error', 'error');
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('application/json', { parseAs: 'string' }, (request, text, done) => {
    if (text.length === 0) done(null, undefined);
    else parse(request, text as string, done);
  });
}

/** Says in the OpenAPI document what holds for every route: who may call it and how it may fail. */
function document(route: RouteOptions): void {
  const { access }: { access?: AccessRule } = route.config ?? {};
  route.schema = {
    ...route.schema,
    security: securityOf(access),
    response: { ...problems(...COMMON), ...(route.schema?.response as object) },
  };
}

/** What lets somebody in, each by itself. */
function securityOf(access: AccessRule | undefined): Record<string, string[]>[] {
  if (access?.kind === 'public') return [];
  if (access?.kind !== 'service') return [{ accessToken: [] }];
  const forPeople = access.person === true || access.scope === 'admin';
  return [
    ...[{ bearerKey: [] }, { apiKey: [] }],
    ...(forPeople ? [{ accessToken: [] }] : []),
    ...(access.link === undefined ? [] : [{ linkToken: [] }]),
  ] as Record<string, string[]>[];
}
