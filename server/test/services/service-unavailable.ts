/** A real server is not to be had here; the message says why, for the skipped test to print. */
export class ServiceUnavailable extends Error {
  override readonly name = 'ServiceUnavailable';
}
