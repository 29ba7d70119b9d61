/** What an authenticator app and this service both know. */
export interface TotpRecord {
  /** Base32. */
  readonly secret: string;
  /** undefined while it is being set up: then nothing rests on it. */
  readonly confirmedAt: number | undefined;
  /** The time step of the last code that was taken; no earlier one is taken again. */
  readonly lastStep: number;
}

export interface SecondFactorQueries {
  totp(userId: string): Promise<TotpRecord | undefined>;
  /** How many recovery codes were not used. */
  recoveryCodesLeft(userId: string): Promise<number>;
}

export interface SecondFactorCommands {
  /** Takes the place of one that was not confirmed; false when one is confirmed. */
  begin(userId: string, secret: string, at: number): Promise<boolean>;
  confirm(userId: string, at: number): Promise<void>;
  /** Takes a code of this time step; false when one of it or a later one was taken before. */
  takeStep(userId: string, step: number): Promise<boolean>;
  /** In place of all that there were. */
  putRecoveryCodes(userId: string, hashes: readonly string[]): Promise<void>;
  /** False when there is no such code, or it was used. */
  useRecoveryCode(userId: string, hash: string, at: number): Promise<boolean>;
  removeOfUser(userId: string): Promise<void>;
}
