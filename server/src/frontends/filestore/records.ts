import { Type } from 'typebox';
import type { SignedIn } from '#core/accounts/sessions.ts';
import type { KnownFile } from '#core/drive/known-files.ts';
import type { UploadUnderWay } from '#core/drive/known-uploads.ts';
import type { User } from '#core/model/user.ts';

export const FileRecord = Type.Object({
  fileHash: Type.String({
    description: 'SHA-1, or SHA-256 where the SHA-1 was never computed; empty until the content is verified.',
  }),
  fileName: Type.String(),
  fileSize: Type.Integer({ description: 'Bytes.' }),
  sha256: Type.String({ description: 'Empty until the content is verified.' }),
  uploadAt: Type.String({ format: 'date-time' }),
  lastUpdated: Type.String({ format: 'date-time' }),
});

export function fileRecord({ entry, digests }: KnownFile) {
  const sha256 = digests?.sha256 ?? '';
  return {
    fileHash: digests?.sha1 ?? sha256,
    fileName: entry.name,
    fileSize: entry.size,
    sha256,
    uploadAt: iso(entry.createdAt),
    lastUpdated: iso(entry.updatedAt),
  };
}

export const PartsRecord = Type.Object({
  uploadId: Type.String(),
  chunkSize: Type.Integer({ description: 'Bytes of each chunk but the last.' }),
  chunkCount: Type.Integer(),
  fileHash: Type.String(),
  fileSize: Type.Integer(),
  uploaded: Type.Array(Type.Integer(), { description: 'Indexes of the chunks that are here.' }),
});

export function partsRecord({ upload, hash, uploaded }: UploadUnderWay) {
  const { size = 0 } = upload;
  return {
    uploadId: upload.uid,
    chunkSize: upload.partSize,
    chunkCount: Math.ceil(size / upload.partSize),
    fileHash: hash,
    fileSize: size,
    uploaded: [...uploaded],
  };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

export const UserRecord = Type.Object({
  userId: Type.String(),
  username: Type.String(),
  email: Type.String({ description: 'Empty where none is known.' }),
  signupAt: Type.String({ format: 'date-time' }),
});

export function userRecord({ id, name, email, createdAt }: User) {
  return { userId: id, username: name, email: email ?? '', signupAt: iso(createdAt) };
}

export const SignedInRecord = Type.Object({
  username: Type.String(),
  accessToken: Type.String({ description: 'For `Authorization: Bearer`.' }),
  accessExpiresAt: Type.String({ format: 'date-time' }),
  refreshToken: Type.String({ description: 'For POST /api/v1/auth/refresh.' }),
  refreshExpiresAt: Type.String({ format: 'date-time' }),
});

export function signedInRecord({ user, access, refresh }: SignedIn) {
  return {
    username: user.name,
    ...{ accessToken: access.token, accessExpiresAt: iso(access.expiresAt) },
    ...{ refreshToken: refresh.token, refreshExpiresAt: iso(refresh.expiresAt) },
  };
}
