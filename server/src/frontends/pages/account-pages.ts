import { readFile } from 'node:fs/promises';
import type { FastifyInstance } from 'fastify';

/** Nothing but its own script and style, and calls to this service; no other page may show it in a frame. */
const CSP = [
  "default-src 'none'",
  "base-uri 'none'",
  "connect-src 'self'",
  "form-action 'none'",
  'img-src data:',
  "frame-ancestors 'none'",
  "script-src 'self'",
  "style-src 'self'",
].join('; ');

const HEADERS = {
  'content-security-policy': CSP,
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

const NAME =
  '<label>Name <small>1 to 64 letters, digits, dots, dashes or underscores</small><input name="name" required maxlength="64" autocomplete="username" autocapitalize="none" spellcheck="false" autofocus></label>';
const password = (least: number) =>
  `<label>Password <small>at least ${least} characters</small><input name="password" type="password" required minlength="${least}" autocomplete="new-password"></label>`;

interface AccountPage {
  /** Where it is: what stands in the link before the secret. */
  readonly path: string;
  /** Call of the REST interface, and how the secret is named in its body. */
  readonly call: string;
  readonly secret: 'token' | 'invite';
  readonly title: string;
  readonly task: string;
  readonly asks: readonly ('name' | 'password')[];
  readonly button: string;
  readonly done: string;
}

const PAGES: readonly AccountPage[] = [
  {
    ...{ path: 'setup', call: 'auth/setup', secret: 'token', asks: ['name', 'password'] },
    title: 'Set up osproxy',
    task: 'Make the account of the first administrator. This link works once.',
    button: 'Make the account',
    done: 'You are the administrator now and can sign in.',
  },
  {
    ...{ path: 'invite', call: 'auth/sign-up', secret: 'invite', asks: ['name', 'password'] },
    title: 'You are invited',
    task: 'Choose a name and a password for your account.',
    button: 'Make the account',
    done: 'Your account is ready, and you can sign in.',
  },
  {
    ...{ path: 'reset-password', call: 'auth/reset-password', secret: 'token', asks: ['password'] },
    title: 'Choose a new password',
    task: 'Whoever is signed in to your account will have to sign in again.',
    button: 'Set the password',
    done: 'The password is set. Sign in with it.',
  },
  {
    ...{ path: 'verify-email', call: 'auth/verify-email', secret: 'token', asks: [] },
    title: 'Your e-mail address',
    task: 'Say that this address is yours.',
    button: 'It is mine',
    done: 'Your account has this address now.',
  },
];

export interface AccountPagesOptions {
  /** Base of the REST interface, beginning with "/". */
  readonly apiPath: string;
  /** Characters of the shortest password. */
  readonly passwordMinLength: number;
}

/** The pages that printed and mailed links lead to; they need nothing but calls of the REST interface. */
export async function registerAccountPages(
  app: FastifyInstance,
  options: AccountPagesOptions,
): Promise<void> {
  const config = { access: { kind: 'public' }, ignoreCredentials: true } as const;
  const schema = { hide: true };
  const asset = (name: string) => readFile(new URL(`./assets/${name}`, import.meta.url), 'utf8');
  const script = await asset('account.js');
  const style = await asset('account.css');
  const serve = (path: string, type: string, cache: string, text: string) =>
    app.get(path, { config, schema }, async (_request, reply) =>
      reply
        .headers({ ...HEADERS, 'cache-control': cache })
        .type(`${type}; charset=utf-8`)
        .send(text),
    );
  serve('/pages/account.js', 'text/javascript', 'no-cache', script);
  serve('/pages/account.css', 'text/css', 'no-cache', style);
  for (const page of PAGES) serve(`/${page.path}`, 'text/html', 'no-store', htmlOf(page, options));
}

/** Addresses are relative, so that a path that a proxy puts before everything does not matter. */
function htmlOf(page: AccountPage, { apiPath, passwordMinLength }: AccountPagesOptions): string {
  const { call, secret, title, task, asks, button, done } = page;
  const fields = asks.map((field) => (field === 'name' ? NAME : password(passwordMinLength))).join('\n');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="pages/account.css">
<script type="module" src="pages/account.js"></script>
</head>
<body>
<main>
<h1>${title}</h1>
<p id="task">${task}</p>
<form data-call="${apiPath.slice(1)}/${call}" data-secret="${secret}">
${fields}
<button>${button}</button>
<noscript>This page needs JavaScript.</noscript>
</form>
<p id="done" role="status" hidden>${done}</p>
<div role="alert" hidden></div>
</main>
</body>
</html>
`;
}
