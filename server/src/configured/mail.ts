import type { Config } from '#config/config.ts';
import type { Mailer } from '#core/ports/mailer.ts';

/** How mail is sent; undefined where none is. */
export async function mailerOf({ mail }: Config): Promise<Mailer | undefined> {
  const { url, from, requireTls, timeoutSeconds } = mail;
  if (url === undefined || from === undefined) return undefined;
  const { SmtpMailer } = await import('#drivers/mail/smtp-mailer.ts');
  return new SmtpMailer({ url, from, requireTls, timeoutMs: timeoutSeconds * 1000 });
}

export function mailCheck(mailer: Mailer | undefined) {
  if (mailer === undefined) return [];
  const fix = 'Check mail.url, its user and password, and that the mail server can be reached from here.';
  return [{ check: 'mail', fix, run: () => mailer.check() }];
}
