import {
  ADMIN,
  administrators,
  everybody,
  NOBODY,
  PEERS_ONLY,
  PUBLIC,
  READ_LINK,
  type Row,
  UNSIGNED,
  V0_NOBODY,
  writeLink,
} from './expected.ts';
import { ACCOUNTS_TABLE } from './table-accounts.ts';
import { ADMIN_TABLE } from './table-admin.ts';
import { DRIVE_TABLE } from './table-drive.ts';
import { FINDING_TABLE } from './table-finding.ts';
import { IDENTITIES_TABLE } from './table-identities.ts';
import { SHARES_TABLE } from './table-shares.ts';
import { type Call, CONTENT, formOf, md5Of, PART, queryOf, V0, V1 } from './world.ts';

function get(path: string): Row['call'] {
  return () => ({ method: 'GET', path });
}

function file(method: string, below = '', more: Partial<Call> = {}): Row['call'] {
  return (world) => ({ method, path: `${V1}/files/${world.file}${below}`, ...more });
}

function upload(method: string, below = '', more: Partial<Call> = {}): Row['call'] {
  return (world) => ({ method, path: `${V1}/uploads/${world.upload}${below}`, ...more });
}

function control(action: string): Row {
  return missing(`moves/5/${action}`);
}

function missing(path: string): Row {
  return { call: () => ({ method: 'POST', path: `${V1}/${path}` }), expected: administrators(404) };
}

function sink(method: string, below: string): Row {
  return {
    call: () => ({ method, path: `${V1}/event-sinks/none/${below}` }),
    expected: administrators(404),
  };
}

function open(path: string): Row {
  return { call: get(path), expected: PUBLIC };
}

/** People are let in, and find only what is their own. */
const NO_SUCH_UPLOAD = { member: 404, otherMember: 404, adminPerson: 404 } as const;

export const TABLE: Readonly<Record<string, Row>> = {
  ...ADMIN_TABLE,
  ...ACCOUNTS_TABLE,
  ...SHARES_TABLE,
  ...DRIVE_TABLE,
  ...IDENTITIES_TABLE,
  ...FINDING_TABLE,
  'OPTIONS *': {
    call: () => ({
      method: 'OPTIONS',
      path: `${V1}/files`,
      headers: { origin: 'https://app.example', 'access-control-request-method': 'PUT' },
    }),
    expected: everybody(204),
  },
  'GET /openapi.json': open('/openapi.json'),
  'GET /docs': open('/docs'),
  'GET /docs/': open('/docs/'),
  'GET /docs/json': open('/docs/json'),
  'GET /docs/yaml': open('/docs/yaml'),
  'GET /docs/static/index.html': { call: get('/docs/static/index.html'), expected: everybody(302) },
  'GET /docs/static/swagger-initializer.js': open('/docs/static/swagger-initializer.js'),
  'GET /docs/static/theme/osproxy.css': open('/docs/static/theme/osproxy.css'),
  'GET /docs/static/theme/viewport.js': open('/docs/static/theme/viewport.js'),
  'GET /docs/static/*': open('/docs/static/swagger-ui.css'),
  'GET /healthz': open('/healthz'),
  'GET /readyz': open('/readyz'),
  'GET /metrics': open('/metrics'),
  'GET /api/storage/v0/ping': open(`${V0}/ping`),
  'GET /api/storage/v0/health': open(`${V0}/health`),

  'GET /api/v1/usage': {
    call: get(`${V1}/usage`),
    expected: { ...NOBODY, readKey: 200, otherOwner: 200, limitedKey: 200, admin: 200 },
  },
  'GET /api/v1/files': {
    call: get(`${V1}/files?limit=1000`),
    expected: { ...NOBODY, readKey: 200, otherOwner: 200, limitedKey: 200, admin: 200 },
  },
  'POST /api/v1/files': {
    call: () => ({ method: 'POST', path: `${V1}/files`, body: formOf('x') }),
    expected: { ...NOBODY, writeKey: 201, otherOwner: 201, limitedKey: 403, admin: 201 },
  },
  'PUT /api/v1/files/:name': {
    call: () => ({ method: 'PUT', path: `${V1}/files/new.txt`, body: 'x' }),
    expected: { ...NOBODY, writeKey: 201, otherOwner: 201, limitedKey: 403, admin: 201 },
  },
  'GET /api/v1/files/:uid': {
    call: file('GET'),
    expected: { ...NOBODY, ...READ_LINK, readKey: 200, otherOwner: 404, limitedKey: 404, admin: 200 },
    takesLinks: true,
  },
  'GET /api/v1/files/:uid/content': {
    call: file('GET', '/content'),
    expected: { ...NOBODY, ...READ_LINK, readKey: 200, otherOwner: 404, limitedKey: 404, admin: 200 },
    takesLinks: true,
  },
  // The file is a text, of which there is none.
  'GET /api/v1/files/:uid/thumbnail': {
    call: file('GET', '/thumbnail'),
    expected: {
      ...NOBODY,
      ...READ_LINK,
      readLink: 415,
      readKey: 415,
      otherOwner: 404,
      limitedKey: 404,
      admin: 415,
    },
    takesLinks: true,
  },
  'POST /api/v1/media/redrive': {
    call: () => ({ method: 'POST', path: `${V1}/media/redrive` }),
    expected: ADMIN,
  },
  'PATCH /api/v1/files/:uid': {
    call: file('PATCH', '', { json: { name: 'renamed.txt' } }),
    expected: { ...NOBODY, writeKey: 200, otherOwner: 404, limitedKey: 404, admin: 200 },
    changes: true,
  },
  'DELETE /api/v1/files/:uid': {
    call: file('DELETE'),
    expected: { ...NOBODY, deleteKey: 204, otherOwner: 404, limitedKey: 404, admin: 204 },
    changes: true,
  },
  'POST /api/v1/files/:uid/links': {
    call: file('POST', '/links', { json: {} }),
    expected: { ...NOBODY, linksKey: 201, otherOwner: 404, limitedKey: 404, admin: 201 },
  },
  'GET /api/v1/files/:uid/links': {
    call: file('GET', '/links'),
    expected: { ...NOBODY, linksKey: 200, otherOwner: 404, limitedKey: 404, admin: 200 },
  },
  'DELETE /api/v1/files/:uid/links': {
    call: file('DELETE', '/links'),
    expected: { ...NOBODY, linksKey: 204, otherOwner: 404, limitedKey: 404, admin: 204 },
    changes: true,
  },
  'DELETE /api/v1/files/:uid/links/:id': {
    call: (world) => file('DELETE', `/links/${world.spareLinks.read}`)(world, {}),
    expected: { ...NOBODY, linksKey: 204, otherOwner: 404, limitedKey: 404, admin: 204 },
    changes: true,
  },
  'POST /api/v1/uploads': {
    call: () => ({ method: 'POST', path: `${V1}/uploads`, json: { name: 'new.txt' } }),
    expected: { ...NOBODY, writeKey: 201, otherOwner: 201, limitedKey: 403, admin: 201 },
  },
  'GET /api/v1/uploads/:uid': {
    call: upload('GET'),
    expected: {
      ...NOBODY,
      ...writeLink(200),
      writeKey: 200,
      otherOwner: 404,
      limitedKey: 404,
      ...NO_SUCH_UPLOAD,
      admin: 200,
    },
    takesLinks: true,
  },
  'DELETE /api/v1/uploads/:uid': {
    call: upload('DELETE'),
    expected: {
      ...NOBODY,
      ...writeLink(204),
      writeKey: 204,
      otherOwner: 404,
      limitedKey: 404,
      ...NO_SUCH_UPLOAD,
      admin: 204,
    },
    takesLinks: true,
    changes: true,
  },
  'POST /api/v1/uploads/:uid/complete': {
    call: upload('POST', '/complete'),
    expected: {
      ...NOBODY,
      ...writeLink(200),
      writeKey: 200,
      otherOwner: 404,
      limitedKey: 404,
      ...NO_SUCH_UPLOAD,
      admin: 200,
    },
    takesLinks: true,
    changes: true,
  },
  'PUT /api/v1/uploads/:uid/content': {
    call: upload('PUT', '/content', { body: CONTENT }),
    expected: {
      ...NOBODY,
      ...writeLink(201),
      writeKey: 201,
      otherOwner: 404,
      limitedKey: 404,
      ...NO_SUCH_UPLOAD,
      admin: 201,
    },
    takesLinks: true,
    changes: true,
  },
  'PUT /api/v1/uploads/:uid/parts/:number': {
    call: upload('PUT', '/parts/2', { body: PART }),
    expected: {
      ...NOBODY,
      ...writeLink(200),
      writeKey: 200,
      otherOwner: 404,
      limitedKey: 404,
      ...NO_SUCH_UPLOAD,
      admin: 200,
    },
    takesLinks: true,
    changes: true,
  },
  'POST /api/v1/uploads/:uid/links': {
    call: upload('POST', '/links', { json: {} }),
    expected: { ...NOBODY, linksKey: 201, otherOwner: 404, limitedKey: 404, admin: 201 },
  },
  'GET /api/v1/uploads/:uid/links': {
    call: upload('GET', '/links'),
    expected: { ...NOBODY, linksKey: 200, otherOwner: 404, limitedKey: 404, admin: 200 },
  },
  'DELETE /api/v1/uploads/:uid/links': {
    call: upload('DELETE', '/links'),
    expected: { ...NOBODY, linksKey: 204, otherOwner: 404, limitedKey: 404, admin: 204 },
    changes: true,
  },
  'DELETE /api/v1/uploads/:uid/links/:id': {
    call: (world) => upload('DELETE', `/links/${world.spareLinks.write}`)(world, {}),
    expected: { ...NOBODY, linksKey: 204, otherOwner: 404, limitedKey: 404, admin: 204 },
    changes: true,
  },

  'GET /api/peer/v1/objects/:store/*': {
    call: get('/api/peer/v1/objects/local/ab/cd/0123'),
    expected: PEERS_ONLY,
  },
  'DELETE /api/peer/v1/objects/:store/*': {
    call: () => ({ method: 'DELETE', path: '/api/peer/v1/objects/local/ab/cd/0123' }),
    expected: PEERS_ONLY,
  },
  'GET /api/v1/cluster': { call: get(`${V1}/cluster`), expected: ADMIN },
  'GET /api/v1/scrub': { call: get(`${V1}/scrub`), expected: ADMIN },
  'POST /api/v1/scrub': { call: () => ({ method: 'POST', path: `${V1}/scrub` }), expected: ADMIN },
  'GET /api/v1/stores': { call: get(`${V1}/stores`), expected: ADMIN },
  'GET /api/v1/moves': { call: get(`${V1}/moves`), expected: ADMIN },
  'GET /api/v1/moves/:id': { call: get(`${V1}/moves/5`), expected: administrators(404) },
  'POST /api/v1/moves': {
    call: () => ({ method: 'POST', path: `${V1}/moves`, json: { from: 'nowhere', to: 'else' } }),
    expected: administrators(400),
  },
  'POST /api/v1/moves/:id/pause': control('pause'),
  'POST /api/v1/moves/:id/resume': control('resume'),
  'POST /api/v1/moves/:id/cancel': control('cancel'),
  // Their own events, so everybody who may read is let in.
  'GET /api/v1/events': {
    call: get(`${V1}/events?follow=false`),
    expected: { ...ADMIN, readKey: 200, otherOwner: 200, limitedKey: 200, adminPerson: 403 },
  },
  'GET /api/v1/event-sinks': { call: get(`${V1}/event-sinks`), expected: ADMIN },
  'GET /api/v1/event-sinks/:name/parked': {
    call: get(`${V1}/event-sinks/none/parked`),
    expected: administrators(404),
  },
  'DELETE /api/v1/event-sinks/:name/parked': sink('DELETE', 'parked'),
  'POST /api/v1/event-sinks/:name/redrive': sink('POST', 'redrive'),
  'POST /api/v1/event-sinks/:name/enable': sink('POST', 'enable'),
  'POST /api/v1/event-sinks/:name/disable': sink('POST', 'disable'),
  'GET /api/v1/held': { call: get(`${V1}/held`), expected: ADMIN },
  'POST /api/v1/files/:uid/release': {
    call: file('POST', '/release'),
    expected: administrators(409),
  },
  'POST /api/v1/files/:uid/reject': {
    call: file('POST', '/reject', { json: { reason: 'no' } }),
    expected: administrators(409),
  },
  'GET /api/v1/tasks': { call: get(`${V1}/tasks`), expected: ADMIN },
  'GET /api/v1/tasks/:id': { call: get(`${V1}/tasks/5`), expected: administrators(404) },
  'POST /api/v1/tasks/:id/cancel': missing('tasks/5/cancel'),
  'POST /api/v1/tasks/:id/retry': missing('tasks/5/retry'),
  'GET /api/v1/task-types': { call: get(`${V1}/task-types`), expected: ADMIN },
  'POST /api/v1/task-types/:type/pause': missing('task-types/none/pause'),
  'POST /api/v1/task-types/:type/resume': missing('task-types/none/resume'),
  'POST /api/v1/tasks': {
    call: () => ({ method: 'POST', path: `${V1}/tasks`, json: { type: 'none' } }),
    expected: administrators(400),
  },

  'POST /api/storage/v0/link/upload': {
    call: () => ({ method: 'POST', path: `${V0}/link/upload`, json: { filePath: ['new.txt'] } }),
    expected: { ...V0_NOBODY, writeKey: 200, otherOwner: 200, limitedKey: 403, admin: 200 },
  },
  'POST /api/storage/v0/link/download': {
    call: (world) => ({
      method: 'POST',
      path: `${V0}/link/download`,
      json: { uid: [world.file], expire: 60 },
    }),
    expected: { ...V0_NOBODY, readKey: 200, otherOwner: 404, limitedKey: 404, admin: 200 },
  },
  'POST /api/storage/v0/resume': {
    call: () => ({
      method: 'POST',
      path: `${V0}/resume`,
      json: { data: [{ md5: md5Of(CONTENT), path: 'new.txt' }] },
    }),
    expected: { ...V0_NOBODY, writeKey: 200, otherOwner: 200, limitedKey: 403, admin: 200 },
  },
  'GET /api/storage/v0/checkpoint': {
    call: (world) => ({ method: 'GET', path: `${V0}/checkpoint?uid=${world.upload}` }),
    expected: { ...V0_NOBODY, writeKey: 200, otherOwner: 404, limitedKey: 404, admin: 200 },
  },
  'GET /api/storage/v0/proxy': {
    call: (world) => ({ method: 'GET', path: `${V0}/proxy?uid=${world.file}` }),
    expected: { ...V0_NOBODY, readKey: 200, otherOwner: 404, limitedKey: 404, admin: 200 },
  },
  'GET /api/storage/v0/download': {
    call: (_world, signed) => ({ method: 'GET', path: `${V0}/download?${queryOf(signed)}` }),
    expected: { ...UNSIGNED, v0Download: 200 },
  },
  'PUT /api/storage/v0/upload': {
    call: (_world, signed) => ({
      method: 'PUT',
      path: `${V0}/upload?${queryOf({ ...signed, md5: md5Of(CONTENT) })}`,
      body: formOf(CONTENT),
    }),
    expected: { ...UNSIGNED, v0Upload: 200 },
    changes: true,
  },
  'PUT /api/storage/v0/upload/multi': {
    call: (_world, signed) => ({
      method: 'PUT',
      path: `${V0}/upload/multi?${queryOf({ ...signed, md5: md5Of(PART), chunkNum: '2' })}`,
      body: formOf(PART),
    }),
    expected: { ...UNSIGNED, v0Upload: 200, v0UploadExpiredBegun: 200 },
    changes: true,
  },
  'PUT /api/storage/v0/upload/merge': {
    call: (_world, signed) => ({
      method: 'PUT',
      path: `${V0}/upload/merge?${queryOf({ ...signed, md5: md5Of(PART), num: '1', size: String(PART.length) })}`,
    }),
    expected: { ...UNSIGNED, v0Upload: 200, v0UploadExpiredBegun: 200 },
    changes: true,
  },
};
