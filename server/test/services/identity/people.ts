/** People as the providers of tests know them; each has a number, so that no two tests meet the same. */
export function oidcUser(number: number, values: Readonly<Record<string, unknown>> = {}) {
  return {
    sub: `subject-${number}`,
    name: `Person ${number}`,
    preferred_username: `person-${number}`,
    email: `person-${number}@corp.example`,
    email_verified: true,
    ...values,
  };
}

export function githubUser(number: number) {
  const email = `coder-${number}@github.example`;
  return {
    id: 1_000_000 + number,
    login: `coder-${number}`,
    name: `Coder ${number}`,
    emails: [{ email, primary: true, verified: true }],
  };
}

export function qqUser(number: number) {
  return { openid: number.toString(16).toUpperCase().padStart(32, '0'), nickname: `小李${number}` };
}
