/** What is written down. The first word is the group that a query may ask for as `group.*`. */
export const AUDIT_ACTIONS = [
  'session.begun',
  'session.refused',
  'session.locked',
  'session.ended',
  'session.reused',
  'password.changed',
  'password.reset-asked',
  'password.reset',
  'second-factor.enabled',
  'second-factor.disabled',
  'second-factor.renewed',
  'second-factor.recovered',
  'user.created',
  'user.invited',
  'user.uninvited',
  'user.changed',
  'user.deleted',
  'user.set-up',
  'identity.linked',
  'identity.unlinked',
  'group.created',
  'group.changed',
  'group.deleted',
  'key.created',
  'key.rotated',
  'key.revoked',
  'share.created',
  'share.changed',
  'share.revoked',
  'link.revoked',
  'move.created',
  'move.paused',
  'move.resumed',
  'move.cancelled',
  'task.cancelled',
  'task.retried',
  'task.submitted',
  'task-type.paused',
  'task-type.resumed',
  'hold.released',
  'hold.rejected',
  'sink.enabled',
  'sink.disabled',
  'sink.redriven',
  'sink.discarded',
  'scrub.started',
  'media.redriven',
] as const;

type AuditAction = (typeof AUDIT_ACTIONS)[number];

export const AUDIT_ACTORS = ['person', 'service', 'link', 'peer', 'nobody', 'command', 'system'] as const;

/** Who did it. nobody: it was not known yet who it is; command: whoever has the machine; system: the service by itself. */
export interface AuditActor {
  readonly kind: (typeof AUDIT_ACTORS)[number];
  /** Of the user, key or link. */
  readonly id?: string | undefined;
  /** What the user or key was called then. */
  readonly name?: string | undefined;
}

/** From where; a command has none of it. */
export interface AuditOrigin {
  readonly address?: string | undefined;
  readonly userAgent?: string | undefined;
  readonly requestId?: string | undefined;
}

/** Who asks for something, and from where; front ends make one from a request. */
export interface Caller {
  readonly actor: AuditActor;
  readonly origin: AuditOrigin;
}

export const AUDIT_SUBJECTS = [
  'user',
  'session',
  'identity',
  'group',
  'key',
  'share',
  'file',
  'upload',
  'move',
  'task',
  'task-type',
  'sink',
  'installation',
] as const;

/** What it was done to. */
interface AuditSubject {
  readonly kind: (typeof AUDIT_SUBJECTS)[number];
  readonly id?: string | undefined;
}

/** ok: it was done; refused: it was not allowed, or the proof was wrong; failed: it went wrong. */
export const AUDIT_OUTCOMES = ['ok', 'refused', 'failed'] as const;
type AuditOutcome = (typeof AUDIT_OUTCOMES)[number];

export interface NewAuditEntry {
  readonly action: AuditAction;
  readonly subject: AuditSubject;
  /** ok when left out. */
  readonly outcome?: AuditOutcome | undefined;
  /** Plain JSON of at most some hundred characters: what changed, to what. Never a secret; what is undefined is left out. */
  readonly detail?: Readonly<Record<string, unknown>> | undefined;
}

export interface AuditEntry {
  /** Decimal; later ones are greater, but for those that committed at the same moment. */
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly actor: AuditActor;
  readonly action: string;
  readonly subject: AuditSubject;
  readonly origin: AuditOrigin;
  readonly outcome: AuditOutcome;
  readonly detail: Readonly<Record<string, unknown>>;
}
