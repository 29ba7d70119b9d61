import type { Core } from '#core/core.ts';
import { isOsproxyError } from '#core/errors.ts';
import type { Principal } from '#core/model/principal.ts';
import type { Uid } from '#core/model/uid.ts';
import { instantBody, uploadBody } from './presenters.ts';
import type { UploadBody } from './schemas.ts';

/**
 * The upload of a uid as it is now. A file that needed no upload, or whose upload is long over, is shown as a completed one. Throws NotFound.
 */
export async function viewUpload(core: Core, principal: Principal, uid: Uid): Promise<UploadBody> {
  try {
    const status = await core.uploads.status(principal, uid);
    const file =
      status.upload.state === 'completed'
        ? (await core.files.findMany(principal, [uid])).get(uid)
        : undefined;
    return uploadBody(status, file, { principal, now: core.clock.now() });
  } catch (error) {
    if (!isOsproxyError(error, 'NotFound')) throw error;
    const file = (await core.files.findMany(principal, [uid])).get(uid);
    if (file === undefined) throw error;
    return instantBody(file, core, principal);
  }
}
