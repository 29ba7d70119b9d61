import { createHash } from 'node:crypto';
import type { People } from './access-people.ts';

export const V0 = '/api/storage/v0';
export const V1 = '/api/v1';
export const CONTENT = 'the content of a file';
export const PART = 'the content of a part';

export function md5Of(text: string): string {
  return createHash('md5').update(text).digest('hex');
}

export interface Call {
  readonly method: string;
  /** From the root, with the query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  readonly body?: string | FormData;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}

export async function send(url: string, call: Call): Promise<Answer> {
  const headers = {
    ...call.headers,
    ...(call.json === undefined ? {} : { 'content-type': 'application/json' }),
  };
  const body = call.json === undefined ? call.body : JSON.stringify(call.json);
  const response = await fetch(`${url}${call.path}`, {
    method: call.method,
    headers,
    redirect: 'manual',
    ...(body === undefined ? {} : { body }),
  });
  return { status: response.status, text: await response.text(), headers: response.headers };
}

export interface DriveWorld {
  readonly folder: string;
  /** A file with an earlier version. */
  readonly file: string;
  /** A file in the trash. */
  readonly trashed: string;
  /** An open upload with its only part. */
  readonly upload: string;
}

/** For somebody who shows this access token. */
async function createDriveWorld(url: string, token: string): Promise<DriveWorld> {
  const ask = async (method: string, path: string, more: Partial<Call> = {}) => {
    const headers = { authorization: `Bearer ${token}` };
    const answer = await send(url, { method, path: `${V1}${path}`, headers, ...more });
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
    return answer.text === '' ? {} : JSON.parse(answer.text);
  };
  const json = { parentId: 'root', name: 'f', conflict: 'keepBoth' };
  const folder = (await ask('POST', '/drive/folders', { json })).id;
  const put = (name: string) =>
    ask('PUT', `/drive/folders/${folder}/files/${name}?conflict=replace`, { body: CONTENT });
  await put('a.txt');
  const file = (await put('a.txt')).id;
  const trashed = (await put('b.txt')).id;
  await ask('DELETE', `/drive/entries/${trashed}`);
  const wanted = { parentId: folder, name: 'c.txt', size: PART.length };
  const upload = (await ask('POST', '/drive/uploads', { json: wanted })).uid;
  await ask('PUT', `/uploads/${upload}/parts/1`, { body: PART });
  return { folder, file, trashed, upload };
}

/** Parameters of a v0 link. */
export type Signed = Readonly<Record<string, string>>;

/** One file and one upload of the owner "shop", others beside them, and a link of every kind. */
export interface World {
  /** What the member has in the drive. */
  readonly drive: DriveWorld;
  /** Of this world alone; else those that all share. */
  readonly people?: People;
  readonly file: string;
  /** An open REST upload with its first part. */
  readonly upload: string;
  readonly links: {
    readonly read: string;
    readonly readOther: string;
    readonly readExpired: string;
    readonly readRevoked: string;
    readonly readUsedUp: string;
    readonly write: string;
    readonly writeOther: string;
    readonly writeExpired: string;
    readonly writeRevoked: string;
  };
  /** Ids of links that nobody uses. */
  readonly spareLinks: { readonly read: string; readonly write: string };
  readonly v0: {
    /** An open upload with its first part. */
    readonly upload: Signed;
    readonly uploadOther: Signed;
    readonly uploadExpired: Signed;
    /** Over too, but the upload has its first part. */
    readonly uploadExpiredBegun: Signed;
    readonly download: Signed;
    readonly downloadOther: Signed;
    readonly downloadExpired: Signed;
    readonly downloadRevoked: Signed;
  };
}

/** Milliseconds after which the expired links of a new world are over. */
export const EXPIRE_MS = 4000;

/** `key` belongs to the owner "shop" and has the scopes read, write and links; `member` is an access token. */
export async function createWorld(url: string, key: string, member: string): Promise<World> {
  const authorization = `Bearer ${key}`;
  const ask = async (call: Call) => {
    const answer = await send(url, { ...call, headers: { authorization } });
    if (answer.status >= 300) throw new Error(`${call.method} ${call.path}: ${answer.status} ${answer.text}`);
    return answer.text === '' ? undefined : JSON.parse(answer.text);
  };
  const put = async (): Promise<string> =>
    (await ask({ method: 'PUT', path: `${V1}/files/a.txt`, body: CONTENT })).uid;
  const begin = async (): Promise<string> => {
    const { uid } = await ask({ method: 'POST', path: `${V1}/uploads`, json: { name: 'b.txt' } });
    await ask({ method: 'PUT', path: `${V1}/uploads/${uid}/parts/1`, body: PART });
    return uid;
  };
  const link = (thing: string, json: object = {}): Promise<{ id: string; token: string }> =>
    ask({ method: 'POST', path: `${V1}/${thing}/links`, json });
  const v0Upload = async (expire: number, begun: boolean): Promise<Signed> => {
    const { data } = await ask({
      method: 'POST',
      path: `${V0}/link/upload`,
      json: { filePath: ['c.txt'], expire },
    });
    const signed = parametersOf(data[0].url.single);
    if (begun) await ask(signedPart(signed));
    return signed;
  };
  const v0Download = async (uid: string, expire = 600): Promise<Signed> => {
    const { data } = await ask({ method: 'POST', path: `${V0}/link/download`, json: { uid: [uid], expire } });
    return parametersOf(data[0].url);
  };

  const [file, other, upload, otherUpload] = await Promise.all([put(), put(), begin(), begin()]);
  const downloadRevoked = await v0Download(file);
  await ask({ method: 'DELETE', path: `${V1}/files/${file}/links` });
  const readRevoked = await link(`files/${file}`);
  await ask({ method: 'DELETE', path: `${V1}/files/${file}/links/${readRevoked.id}` });
  const usedUp = await link(`files/${file}`, { maxUses: 1 });
  await send(url, { method: 'GET', path: `${V1}/files/${file}/content?link=${usedUp.token}` });
  const writeRevoked = await link(`uploads/${upload}`);
  await ask({ method: 'DELETE', path: `${V1}/uploads/${upload}/links/${writeRevoked.id}` });
  return {
    drive: await createDriveWorld(url, member),
    file,
    upload,
    links: {
      read: (await link(`files/${file}`)).token,
      readOther: (await link(`files/${other}`)).token,
      readExpired: (await link(`files/${file}`, { expiresIn: 1 })).token,
      readRevoked: readRevoked.token,
      readUsedUp: usedUp.token,
      write: (await link(`uploads/${upload}`)).token,
      writeOther: (await link(`uploads/${otherUpload}`)).token,
      writeExpired: (await link(`uploads/${upload}`, { expiresIn: 1 })).token,
      writeRevoked: writeRevoked.token,
    },
    spareLinks: { read: (await link(`files/${file}`)).id, write: (await link(`uploads/${upload}`)).id },
    v0: {
      upload: await v0Upload(600, true),
      uploadOther: await v0Upload(600, true),
      uploadExpired: await v0Upload(1, false),
      uploadExpiredBegun: await v0Upload(EXPIRE_MS / 1000, true),
      download: await v0Download(file),
      downloadOther: await v0Download(other),
      downloadExpired: await v0Download(file, 1),
      downloadRevoked,
    },
  };
}

export function queryOf(parameters: Readonly<Record<string, string>>): string {
  return new URLSearchParams(parameters).toString();
}

export function formOf(content: string): FormData {
  const form = new FormData();
  form.append('file', new Blob([content]), 'a.txt');
  return form;
}

/** The PUT of part 1 under a v0 link; without one, what is left of it. */
function signedPart(signed: Signed): Call {
  const query = queryOf({ ...signed, md5: md5Of(PART), chunkNum: '1' });
  return { method: 'PUT', path: `${V0}/upload/multi?${query}`, body: formOf(PART) };
}

function parametersOf(link: string): Signed {
  return Object.fromEntries(new URL(link, 'http://host').searchParams);
}
