import { OsproxyError } from '../errors.ts';
import type { Logger } from '../ports/logger.ts';
import type { Mailer } from '../ports/mailer.ts';

/** Mails that may be under way without anybody waiting for them. */
const MOST_WAITING = 100;

type MailKind = 'invite' | 'reset' | 'email' | 'taken';

export interface MailWish {
  readonly kind: MailKind;
  readonly to: string;
  /** Who it is for; undefined for somebody without an account. */
  readonly name?: string | undefined;
  /** Opens the page; undefined where the mail has none. */
  readonly url?: string | undefined;
  readonly minutes?: number;
}

/** What people are told by mail. A secret in a link is neither kept nor logged. */
export class AccountMails {
  readonly #mailer: Mailer | undefined;
  readonly #publicUrl: string | undefined;
  readonly #logger: Logger;
  #waiting = 0;

  constructor(mailer: Mailer | undefined, publicUrl: string | undefined, logger: Logger) {
    this.#mailer = mailer;
    this.#publicUrl = publicUrl?.replace(/\/+$/, '');
    this.#logger = logger;
  }

  get isOn(): boolean {
    return this.#mailer !== undefined;
  }

  /** The secret stands behind the "#", which no server and no log ever sees. A path where the service does not know its address. */
  urlOf(page: 'invite' | 'reset-password' | 'verify-email', secret: string): string {
    return `${this.#publicUrl ?? ''}/${page}#${secret}`;
  }

  /** Rejects with Unsupported where no mail server is set, else as Mailer.send. */
  async send(wish: MailWish): Promise<void> {
    if (this.#mailer === undefined) {
      throw new OsproxyError('Unsupported', 'This service sends no mail; ask an administrator.');
    }
    await this.#mailer.send({ to: wish.to, ...contentOf(wish) });
  }

  /** For those who must not learn from the answer, or its time, whether there was something to send. */
  sendLater(wish: () => Promise<MailWish | undefined>): void {
    if (this.#mailer === undefined || this.#waiting >= MOST_WAITING) return;
    this.#waiting += 1;
    const work = async () => {
      const found = await wish();
      if (found !== undefined) await this.send(found);
    };
    work()
      .catch((error: unknown) => this.#logger.error({ err: error }, 'a mail could not be sent'))
      .finally(() => {
        this.#waiting -= 1;
      });
  }

  close(): void {
    this.#mailer?.close();
  }
}

function contentOf({ kind, name, url = '', minutes = 0 }: MailWish): { subject: string; text: string } {
  const greeting = name === undefined ? 'Hello,' : `Hello ${name},`;
  const time = minutes >= 120 ? `${Math.floor(minutes / 60)} hours` : `${minutes} minutes`;
  const body: Record<MailKind, readonly [string, readonly string[]]> = {
    invite: [
      'Your invitation',
      [
        'somebody has invited you to a file service. Choose a name and a password here:',
        '',
        url,
        '',
        `The link works once, within ${time}.`,
      ],
    ],
    reset: [
      'Set a new password',
      [
        'somebody asked to set a new password for your account. If that was you, do it here:',
        '',
        url,
        '',
        `The link works once, within ${time}. If it was not you, ignore this mail; nothing has changed.`,
      ],
    ],
    email: [
      'Is this your address?',
      [
        'this address was given for your account. If that is right, say so here:',
        '',
        url,
        '',
        `The link works once, within ${time}. If it is not right, ignore this mail.`,
      ],
    ],
    taken: [
      'You have an account',
      [
        'somebody asked for an account with this address, which has one already. If that was you, sign in, or set a new password if you forgot it. If it was not you, ignore this mail.',
      ],
    ],
  };
  const [subject, lines] = body[kind];
  return { subject, text: [greeting, '', ...lines, ''].join('\n') };
}
