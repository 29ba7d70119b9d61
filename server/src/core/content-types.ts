const UNKNOWN = 'application/octet-stream';
const MEDIA_TYPE = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,63}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,63}$/;
/** Types that browsers may show or run: these must be found in the bytes, a claim is not enough. */
const NEVER_BY_CLAIM = /^(text|image|audio|video|font|multipart|message)\/|html|xml|svg|script|pdf|flash/;

/** The detected type, or the client's claim where nothing was detected and the claim cannot make a browser act on the bytes. */
export function refineType(detected: string, claimed: string | undefined): string {
  if (detected !== UNKNOWN || claimed === undefined) return detected;
  const type = (claimed.split(';', 1)[0] ?? '').trim().toLowerCase();
  return MEDIA_TYPE.test(type) && !NEVER_BY_CLAIM.test(type) ? type : detected;
}
