import { type Expected, people, type Row } from './expected.ts';
import { CONTENT, type DriveWorld, V1 } from './world.ts';

/** What belongs to the member, and is not there for anybody else. */
function own(status: number): Expected {
  return { ...people(404), member: status };
}

function call(method: string, path: (drive: DriveWorld) => string, more: object = {}): Row['call'] {
  return ({ drive }) => ({ method, path: `${V1}/drive${path(drive)}`, ...more });
}

/** The same for everybody who is signed in. */
function each(method: string, path: string, more: object = {}): Row['call'] {
  return () => ({ method, path: `${V1}/drive${path}`, ...more });
}

const NAME = { parentId: 'root', name: 'x', conflict: 'keepBoth' };

/** Folders and files of people. */
export const DRIVE_TABLE: Readonly<Record<string, Row>> = {
  'GET /api/v1/drive': { call: each('GET', ''), expected: people(200) },
  'GET /api/v1/drive/changes': { call: each('GET', '/changes?follow=false'), expected: people(200) },
  'GET /api/v1/drive/recent': { call: each('GET', '/recent'), expected: people(200) },
  'GET /api/v1/drive/favourites': { call: each('GET', '/favourites'), expected: people(200) },
  'GET /api/v1/drive/trash': { call: each('GET', '/trash'), expected: people(200) },
  'GET /api/v1/drive/uploads': { call: each('GET', '/uploads'), expected: people(200) },
  'GET /api/v1/drive/tasks/:id': { call: each('GET', '/tasks/5'), expected: people(404) },
  'DELETE /api/v1/drive/tasks/:id': { call: each('DELETE', '/tasks/5'), expected: people(404) },
  'POST /api/v1/drive/folders': {
    call: call('POST', () => '/folders', { json: NAME }),
    expected: people(201),
    changes: true,
  },
  'GET /api/v1/drive/folders/:id/entries': {
    call: call('GET', ({ folder }) => `/folders/${folder}/entries`),
    expected: own(200),
  },
  'PUT /api/v1/drive/folders/:id/files/:name': {
    call: call('PUT', ({ folder }) => `/folders/${folder}/files/x`, { body: CONTENT }),
    expected: own(201),
    changes: true,
  },
  'GET /api/v1/drive/entries/:id': {
    call: call('GET', ({ file }) => `/entries/${file}`),
    expected: own(200),
  },
  'PATCH /api/v1/drive/entries/:id': {
    call: call('PATCH', ({ file }) => `/entries/${file}`, { json: { name: 'other' } }),
    expected: own(200),
    changes: true,
  },
  'DELETE /api/v1/drive/entries/:id': {
    call: call('DELETE', ({ file }) => `/entries/${file}`),
    expected: own(204),
    changes: true,
  },
  'POST /api/v1/drive/entries/:id/copy': {
    call: call('POST', ({ file }) => `/entries/${file}/copy`, { json: NAME }),
    expected: own(201),
    changes: true,
  },
  'GET /api/v1/drive/entries/:id/content': {
    call: call('GET', ({ file }) => `/entries/${file}/content`),
    expected: own(200),
  },
  'GET /api/v1/drive/entries/:id/thumbnail': {
    call: call('GET', ({ file }) => `/entries/${file}/thumbnail`),
    expected: own(415),
  },
  'GET /api/v1/drive/entries/:id/versions': {
    call: call('GET', ({ file }) => `/entries/${file}/versions`),
    expected: own(200),
  },
  'GET /api/v1/drive/entries/:id/versions/:version/content': {
    call: call('GET', ({ file }) => `/entries/${file}/versions/1/content`),
    expected: own(200),
  },
  'POST /api/v1/drive/entries/:id/versions/:version/restore': {
    call: call('POST', ({ file }) => `/entries/${file}/versions/1/restore`),
    expected: own(200),
    changes: true,
  },
  'DELETE /api/v1/drive/entries/:id/versions/:version': {
    call: call('DELETE', ({ file }) => `/entries/${file}/versions/1`),
    expected: own(204),
    changes: true,
  },
  'POST /api/v1/drive/trash/:id/restore': {
    call: call('POST', ({ trashed }) => `/trash/${trashed}/restore`),
    expected: own(200),
    changes: true,
  },
  'DELETE /api/v1/drive/trash/:id': {
    call: call('DELETE', ({ trashed }) => `/trash/${trashed}`),
    expected: own(204),
    changes: true,
  },
  // Everybody's own: what the member has in the trash in other worlds must stay.
  'DELETE /api/v1/drive/trash': {
    call: each('DELETE', '/trash'),
    expected: people(204),
    changes: true,
    changesPeople: true,
  },
  'POST /api/v1/drive/uploads': {
    call: call('POST', () => '/uploads', { json: { ...NAME, size: 1 } }),
    expected: people(201),
    changes: true,
  },
  'GET /api/v1/drive/uploads/:uid': {
    call: call('GET', ({ upload }) => `/uploads/${upload}`),
    expected: own(200),
  },
  'PATCH /api/v1/drive/uploads/:uid': {
    call: call('PATCH', ({ upload }) => `/uploads/${upload}`, { json: { name: 'd.txt' } }),
    expected: own(200),
    changes: true,
  },
  'POST /api/v1/drive/uploads/:uid/complete': {
    call: call('POST', ({ upload }) => `/uploads/${upload}/complete`),
    expected: own(200),
    changes: true,
  },
};
