import { signUp } from '../people.ts';
import type { RunningService } from '../service.ts';

export const PERSON_PRINCIPALS = [
  'member',
  'otherMember',
  'adminPerson',
  'signedOut',
  'deletedUser',
] as const;
export type PersonPrincipal = (typeof PERSON_PRINCIPALS)[number];

/** Their access tokens. */
export type People = Readonly<Record<PersonPrincipal, string>>;

let made = 0;

/** Two members, an administrator, a member whose session is over while the token is not, and one who was deleted. */
export async function createPeople(service: Pick<RunningService, 'url' | 'apiKey'>): Promise<People> {
  made += 1;
  const [member, otherMember, adminPerson, signedOut, deletedUser] = await Promise.all([
    signUp(service, `member-${made}`),
    signUp(service, `other-${made}`),
    signUp(service, `admin-${made}`, { admin: true }),
    signUp(service, `gone-${made}`),
    signUp(service, `deleted-${made}`),
  ]);
  await signedOut.client.call('POST', '/auth/sign-out');
  await adminPerson.client.call('DELETE', `/users/${deletedUser.userId}`);
  for (const { client } of [member, otherMember, adminPerson, signedOut, deletedUser]) client.close();
  return {
    member: member.accessToken,
    otherMember: otherMember.accessToken,
    adminPerson: adminPerson.accessToken,
    signedOut: signedOut.accessToken,
    deletedUser: deletedUser.accessToken,
  };
}
