/** Codes of an authenticator app (RFC 6238). */
export interface OneTimeCodes {
  /** A new secret, Base32. */
  newSecret(): string;
  /** What the app reads, as a picture or by hand. */
  uri(secret: string, account: string): string;
  /** The time step that the code belongs to, where it is right now or was or will be within half a minute; else undefined. */
  stepOf(secret: string, code: string, now: number): number | undefined;
}
