import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';

interface SinkMail {
  readonly to: readonly string[];
  readonly from: string;
  /** Headers and body as they came, with soft line breaks joined. */
  readonly raw: string;
  /** What stands behind the # of the first link. */
  readonly secret: string;
}

export interface SmtpSink {
  readonly url: string;
  readonly mails: readonly SinkMail[];
  /** Refuses every mail from here on, as a server that is out of order does. */
  fail(failing: boolean): void;
  close(): Promise<void>;
}

/** A mail server on this machine that keeps what it gets and refuses addresses at "refused.example". */
export async function startSmtpSink(): Promise<SmtpSink> {
  const mails: SinkMail[] = [];
  let failing = false;
  const server = new SMTPServer({
    authOptional: false,
    allowInsecureAuth: true,
    disabledCommands: ['STARTTLS'],
    onAuth: ({ username, password }, _session, done) => {
      const right = username === 'files@example.com' && password === 'p@ss:word';
      done(right ? null : new Error('Wrong user or password.'), right ? { user: username } : undefined);
    },
    onRcptTo: ({ address }, _session, done) => {
      const refused = Object.assign(new Error('No such user.'), { responseCode: 550 });
      done(address.endsWith('@refused.example') ? refused : null);
    },
    onData: (stream, { envelope }, done) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        if (failing) return done(Object.assign(new Error('Out of order.'), { responseCode: 451 }));
        const raw = Buffer.concat(chunks).toString().replaceAll('=\r\n', '').replaceAll('=3D', '=');
        const from = envelope.mailFrom === false ? '' : envelope.mailFrom.address;
        const to = envelope.rcptTo.map(({ address }) => address);
        mails.push({ to, from, raw, secret: /#([A-Za-z0-9_-]{43})/.exec(raw)?.[1] ?? '' });
        done();
      });
    },
  });
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  const { port } = server.server.address() as AddressInfo;
  return {
    url: `smtp://files%40example.com:p%40ss%3Aword@127.0.0.1:${port}`,
    mails,
    fail: (value) => {
      failing = value;
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
