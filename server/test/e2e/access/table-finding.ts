import { everybody, people, type Row } from './expected.ts';
import { type Call, formOf, md5Of, V1 } from './world.ts';

/** A content that nobody has. */
const NO_HASH = `${md5Of('nothing')}00000000`;

function file(method: string, path: string, more: Partial<Call> = {}): Row['call'] {
  return () => ({ method, path, ...more });
}

/** The filestore wire asks for people in its own words and with the same status. */
const MISSING = people(404);
const WRONG = people(400);
const parts = (path: string) => file('POST', `/file/mpupload/${path}`, { json: { uploadid: '5' } });

/** How people find what they have, and the filestore wire. */
export const FINDING_TABLE: Readonly<Record<string, Row>> = {
  'GET /api/v1/drive/search': { call: file('GET', `${V1}/drive/search?q=x`), expected: people(200) },
  'POST /api/v1/drive/instant-uploads': {
    call: file('POST', `${V1}/drive/instant-uploads`, { json: { size: 5, sha256: 'a'.repeat(64) } }),
    expected: people(200),
  },
  'POST /api/v1/drive/instant-uploads/:id/answer': {
    call: file('POST', `${V1}/drive/instant-uploads/5/answer`, {
      json: { proof: 'a'.repeat(64), parentId: 'root', name: 'x' },
    }),
    expected: people(200),
  },
  'GET /file/upload': { call: file('GET', '/file/upload'), expected: everybody(302) },
  'POST /file/upload': {
    call: () => ({ method: 'POST', path: '/file/upload', body: formOf('x') }),
    expected: people(200),
    changes: true,
  },
  'GET /file/meta': { call: file('GET', `/file/meta?filehash=${NO_HASH}`), expected: MISSING },
  'GET /file/query': { call: file('GET', '/file/query'), expected: people(200) },
  'GET /file/download': { call: file('GET', `/file/download?filehash=${NO_HASH}`), expected: MISSING },
  'POST /file/update': {
    call: file('POST', '/file/update', { json: { op: 0, filehash: NO_HASH, filename: 'x' } }),
    expected: MISSING,
  },
  'POST /file/delete': {
    call: file('POST', '/file/delete', { json: { filehash: NO_HASH } }),
    expected: MISSING,
  },
  'POST /file/fastupload': {
    call: file('POST', '/file/fastupload', { json: { filehash: NO_HASH, filename: 'x', filesize: 5 } }),
    expected: MISSING,
  },
  'POST /file/mpupload/init': { call: parts('init'), expected: WRONG },
  'POST /file/mpupload/uppart': {
    call: file('POST', '/file/mpupload/uppart?uploadid=5&index=1', { body: 'x' }),
    expected: MISSING,
  },
  'POST /file/mpupload/complete': { call: parts('complete'), expected: WRONG },
  'POST /file/mpupload/cancel': { call: parts('cancel'), expected: MISSING },
  'GET /file/mpupload/status': { call: file('GET', '/file/mpupload/status?uploadid=5'), expected: MISSING },
  'POST /user/signup': { call: file('POST', '/user/signup', { json: {} }), expected: everybody(400) },
  'POST /user/signin': { call: file('POST', '/user/signin', { json: {} }), expected: everybody(400) },
  'GET /user/info': { call: file('GET', '/user/info'), expected: people(200) },
};
