import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';

interface SinkMail {
  readonly to: readonly string[];
  readonly from: string;
  /** True when it came over TLS. */
  readonly encrypted: boolean;
  /** Headers and body as they came, with soft line breaks joined. */
  readonly raw: string;
  /** What stands behind the # of the first link. */
  readonly secret: string;
}

export interface SmtpSink {
  readonly url: string;
  readonly mails: readonly SinkMail[];
  /** How often somebody sent a name and a password. */
  readonly logins: number;
  /** Refuses every mail from here on, as a server that is out of order does. */
  fail(failing: boolean): void;
  close(): Promise<void>;
}

export interface SinkTls {
  readonly key: Buffer;
  readonly cert: Buffer;
  /** TLS from the first byte; else after STARTTLS. */
  readonly fromTheStart: boolean;
}

/** A mail server on this machine, for "localhost", that keeps what it gets and refuses addresses at "refused.example". */
export async function startSmtpSink(tls?: SinkTls): Promise<SmtpSink> {
  const mails: SinkMail[] = [];
  let failing = false;
  let logins = 0;
  const server = new SMTPServer({
    authOptional: false,
    allowInsecureAuth: true,
    ...(tls === undefined ? {} : { key: tls.key, cert: tls.cert, secure: tls.fromTheStart }),
    disabledCommands: tls === undefined ? ['STARTTLS'] : [],
    onAuth: ({ username, password }, _session, done) => {
      logins += 1;
      const right = username === 'files@example.com' && password === 'p@ss:word';
      done(right ? null : new Error('Wrong user or password.'), right ? { user: username } : undefined);
    },
    onRcptTo: ({ address }, _session, done) => {
      const refused = Object.assign(new Error('No such user.'), { responseCode: 550 });
      done(address.endsWith('@refused.example') ? refused : null);
    },
    onData: (stream, { envelope, secure }, done) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        if (failing) return done(Object.assign(new Error('Out of order.'), { responseCode: 451 }));
        const raw = Buffer.concat(chunks).toString().replaceAll('=\r\n', '').replaceAll('=3D', '=');
        const from = envelope.mailFrom === false ? '' : envelope.mailFrom.address;
        const to = envelope.rcptTo.map(({ address }) => address);
        mails.push({ to, from, encrypted: secure, raw, secret: /#([A-Za-z0-9_-]{43})/.exec(raw)?.[1] ?? '' });
        done();
      });
    },
  });
  // A client that hangs up while TLS begins, because it does not trust the certificate.
  server.on('error', () => {});
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  const { port } = server.server.address() as AddressInfo;
  return {
    url: `smtp${tls?.fromTheStart ? 's' : ''}://files%40example.com:p%40ss%3Aword@${tls ? 'localhost' : '127.0.0.1'}:${port}`,
    mails,
    get logins() {
      return logins;
    },
    fail: (value) => {
      failing = value;
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
