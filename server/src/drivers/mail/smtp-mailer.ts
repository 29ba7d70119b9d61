import { createTransport, type Transporter } from 'nodemailer';
import { OsproxyError } from '#core/errors.ts';
import type { Mail, Mailer } from '#core/ports/mailer.ts';

export interface SmtpSettings {
  /** `smtp://user:password@host:port`, or `smtps` for TLS from the first byte. */
  readonly url: string;
  /** `Name <address>` or an address. */
  readonly from: string;
  /** Milliseconds for connecting and for each answer of the server. */
  readonly timeoutMs: number;
  /** False sends what the server does not encrypt. */
  readonly requireTls: boolean;
}

const MOST_CONNECTIONS = 2;
/** RFC 5321 §4.2.1: a 5yz answer is for good. */
const PERMANENT = 500;

/** Mail through an SMTP server, over few connections. */
export class SmtpMailer implements Mailer {
  readonly #transport: Transporter;
  readonly #from: string;

  constructor({ url, from, timeoutMs, requireTls }: SmtpSettings) {
    this.#from = from;
    const { protocol, hostname, port, username, password } = new URL(url);
    const secure = protocol === 'smtps:';
    this.#transport = createTransport({
      pool: true,
      maxConnections: MOST_CONNECTIONS,
      host: hostname.replace(/^\[|\]$/g, ''),
      port: port === '' ? (secure ? 465 : 587) : Number(port),
      secure,
      requireTLS: requireTls && !secure,
      ...(username === ''
        ? {}
        : { auth: { user: decodeURIComponent(username), pass: decodeURIComponent(password) } }),
      ...{ connectionTimeout: timeoutMs, greetingTimeout: timeoutMs, socketTimeout: timeoutMs },
      // Nothing of a mail is ever read from a file or an address.
      ...{ disableFileAccess: true, disableUrlAccess: true },
    });
  }

  async send({ to, subject, text }: Mail): Promise<void> {
    try {
      // As an object, so that nothing in the address is read as a list or a name.
      await this.#transport.sendMail({ from: this.#from, to: { name: '', address: to }, subject, text });
    } catch (error) {
      throw failure(error);
    }
  }

  async check(): Promise<string> {
    try {
      await this.#transport.verify();
      return `it lets us send as ${this.#from}`;
    } catch (error) {
      throw failure(error);
    }
  }

  close(): void {
    this.#transport.close();
  }
}

function failure(cause: unknown): OsproxyError {
  const { responseCode, command } = cause as { responseCode?: number; command?: string };
  const refused = responseCode !== undefined && responseCode >= PERMANENT && command === 'RCPT TO';
  if (refused) {
    return new OsproxyError('InvalidArgument', 'The mail server does not take mail for this address.', {
      cause,
      details: { field: 'email' },
    });
  }
  return new OsproxyError('Unavailable', 'The mail could not be sent; try again later.', { cause });
}
