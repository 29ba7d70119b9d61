import { Secret, TOTP } from 'otpauth';
import type { OneTimeCodes } from '#core/ports/one-time-codes.ts';

const ISSUER = 'osproxy';
const PERIOD_SECONDS = 30;
const DIGITS = 6;
const SECRET_BYTES = 20;
/** Clocks of phones differ by so many steps at most. */
const WINDOW = 1;

/** The parameters that every authenticator app knows: SHA-1, six digits, thirty seconds. */
export const otpauthCodes: OneTimeCodes = {
  newSecret: () => new Secret({ size: SECRET_BYTES }).base32,
  uri: (secret, account) => totp(secret, account).toString(),
  stepOf: (secret, code, now) => {
    const delta = totp(secret, '').validate({ token: code, timestamp: now, window: WINDOW });
    return delta === null ? undefined : TOTP.counter({ period: PERIOD_SECONDS, timestamp: now }) + delta;
  },
};

function totp(secret: string, label: string): TOTP {
  const parameters = { algorithm: 'SHA1', digits: DIGITS, period: PERIOD_SECONDS };
  return new TOTP({ ...parameters, issuer: ISSUER, label, secret: Secret.fromBase32(secret) });
}
