import type { SignedIn } from '#core/accounts/sessions.ts';
import type { Challenge } from '#core/accounts/sign-in.ts';
import type { Invite } from '#core/accounts/sign-up.ts';
import type { Session } from '#core/model/session.ts';
import type { User } from '#core/model/user.ts';
import type { ChallengeBody, InviteBody, SessionBody, SignedInBody, UserBody } from './account-schemas.ts';

export function userBody(user: User): UserBody {
  const { id, name, displayName, email, emailVerifiedAt, role, state, groupId, quotaBytes } = user;
  return {
    ...{ id, name, displayName, emailVerified: emailVerifiedAt !== undefined, role, state },
    ...(email === undefined ? {} : { email }),
    ...(groupId === undefined ? {} : { groupId }),
    ...(quotaBytes === undefined ? {} : { quotaBytes }),
    createdAt: iso(user.createdAt),
    updatedAt: iso(user.updatedAt),
    ...(user.lastSignInAt === undefined ? {} : { lastSignInAt: iso(user.lastSignInAt) }),
  };
}

export function signedInBody({ user, sessionId, access, refresh }: SignedIn): SignedInBody {
  return {
    accessToken: access.token,
    accessExpiresAt: iso(access.expiresAt),
    refreshToken: refresh.token,
    refreshExpiresAt: iso(refresh.expiresAt),
    sessionId,
    user: userBody(user),
  };
}

export function challengeBody({ challenge, expiresAt }: Challenge): ChallengeBody {
  return { challenge, expiresAt: iso(expiresAt) };
}

export function sessionBody(session: Session, currentId: string): SessionBody {
  const { id, how, address, agent } = session;
  return {
    ...{ id, current: id === currentId, how },
    createdAt: iso(session.createdAt),
    lastSeenAt: iso(session.lastSeenAt),
    expiresAt: iso(session.expiresAt),
    ...(address === undefined ? {} : { address }),
    ...(agent === undefined ? {} : { agent }),
  };
}

export function inviteBody({
  id,
  email,
  role,
  groupId,
  invitedBy,
  createdAt,
  expiresAt,
}: Invite): InviteBody {
  return {
    ...{ id, role, createdAt: iso(createdAt), expiresAt: iso(expiresAt) },
    ...(email === undefined ? {} : { email }),
    ...(groupId === undefined ? {} : { groupId }),
    ...(invitedBy === undefined ? {} : { invitedBy }),
  };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
