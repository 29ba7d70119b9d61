import type { Socket } from 'node:net';
import type { Config } from '#config/config.ts';
import type { NewUser, UserChange, UserPage } from '#core/accounts/users.ts';
import type { AuditPage } from '#core/audit/audit-log.ts';
import type { ClusterView } from '#core/cluster/cluster-overview.ts';
import type { SinkView } from '#core/events/sink-board.ts';
import type { HeldPage } from '#core/holds.ts';
import type { NewServiceKey } from '#core/key-rules.ts';
import type { AuditEntry } from '#core/model/audit.ts';
import type { FileRecord } from '#core/model/file.ts';
import type { NodeLoad } from '#core/model/lease.ts';
import type { MediaReason, MediaRecord } from '#core/model/media.ts';
import type { MoveRecord } from '#core/model/move.ts';
import type { ServiceKey } from '#core/model/principal.ts';
import type { DeliveryRecord } from '#core/model/sink.ts';
import type { TaskRecord } from '#core/model/task.ts';
import type { UsageTotal } from '#core/model/usage.ts';
import type { User } from '#core/model/user.ts';
import type { MoveReport, NewMove } from '#core/moves.ts';
import type { Logger } from '#core/ports/logger.ts';
import type { AuditFilter, AuditPosition } from '#core/ports/metadata/audit.ts';
import type { TaskFilter } from '#core/ports/metadata/tasks.ts';
import type { PlannedMigration, SchemaState } from '#core/ports/metadata.ts';
import type { ScrubReport } from '#core/scrub/scrub-board.ts';
import type { KeyWithSecret } from '#core/service-keys.ts';
import type { StoreView } from '#core/store-overview.ts';
import type { TaskReport, TaskTypeView } from '#core/task-board.ts';
import type { UsageQuestion } from '#core/usage/usage-board.ts';

export interface FsckFinding {
  readonly kind: string;
  /** One sentence: what is wrong with which thing. */
  readonly detail: string;
  readonly repaired: boolean;
}

interface FsckSummary {
  /** Things that were looked at, by what they are: files, blobs, objects. */
  readonly checked: Readonly<Record<string, number>>;
  readonly found: number;
  readonly repaired: number;
}

interface FsckOptions {
  readonly repair: boolean;
  /** Reads every byte and compares checksums. */
  readonly deep: boolean;
  /** Looks at stores that seem to be wrong ones as well. */
  readonly force: boolean;
  readonly report: (finding: FsckFinding) => void;
  readonly signal: AbortSignal;
}

interface DoctorRow {
  readonly check: string;
  readonly ok: boolean;
  readonly detail: string;
  /** What to do; empty when it is ok. */
  readonly fix: string;
}

export interface Listener {
  /** Base address, with the port the system chose where the setting is 0. */
  readonly url: string;
  /** From here on /readyz says that the service is about to stop; all else goes on. */
  announceStop(): void;
  /** Stops accepting and resolves when every transfer has ended or `ms` milliseconds have passed. */
  drain(ms: number): Promise<void>;
  close(): Promise<void>;
}

/** A process that only runs tasks. */
export interface TaskWorker {
  /** Where it says how it is, if anywhere. */
  readonly url: string | undefined;
  /** Takes no more tasks, tells those that run to end and waits for them. */
  close(): Promise<void>;
}

/** The service as the commands see it. Opening it changes nothing in the database; migrate does. */
export interface Service {
  readonly keys: {
    create(key: NewServiceKey): Promise<KeyWithSecret>;
    list(): Promise<readonly ServiceKey[]>;
    /** Rejects with NotFound for an unknown id. */
    revoke(id: string): Promise<void>;
    /** Rejects with NotFound for an unknown id, Conflict for one that is over or whose former secret is good for longer. */
    rotate(id: string, overlapSeconds: number): Promise<KeyWithSecret>;
  };
  readonly users: {
    create(user: NewUser): Promise<User>;
    list(after: string | undefined, limit: number): Promise<UserPage>;
    /** For a link that makes the first administrator; undefined where somebody has an account. */
    newSetUpToken(): Promise<string | undefined>;
    /** These take a login name, an e-mail address or an id, and reject with NotFound. */
    change(name: string, change: UserChange): Promise<User>;
    setPassword(name: string, password: string): Promise<User>;
    /** A link that sets a password, to be handed over; its time is in milliseconds since the epoch. */
    resetLink(name: string): Promise<{ readonly url: string; readonly expiresAt: number }>;
    delete(name: string): Promise<void>;
  };
  readonly cluster: {
    status(): Promise<ClusterView>;
  };
  readonly stores: {
    list(): Promise<readonly StoreView[]>;
  };
  readonly moves: {
    create(wanted: NewMove): Promise<MoveRecord>;
    list(): Promise<readonly MoveRecord[]>;
    /** These reject with NotFound for an unknown id. */
    report(id: string): Promise<MoveReport>;
    pause(id: string): Promise<MoveRecord>;
    resume(id: string): Promise<MoveRecord>;
    cancel(id: string): Promise<MoveRecord>;
  };
  readonly held: {
    list(after: HeldPage['next'], limit: number): Promise<HeldPage>;
    /** These reject with NotFound for an unknown uid, Conflict for a file that is not held. */
    release(uid: string): Promise<FileRecord>;
    reject(uid: string, reason: string): Promise<FileRecord>;
  };
  readonly tasks: {
    list(filter: TaskFilter, limit: number): Promise<readonly TaskRecord[]>;
    /** These reject with NotFound for an unknown id, and with Conflict where there is nothing to do. */
    report(id: string): Promise<TaskReport>;
    retry(id: string): Promise<TaskRecord>;
    cancel(id: string, reason?: string): Promise<TaskRecord>;
    types(): Promise<readonly TaskTypeView[]>;
    /** These reject with NotFound for an unknown type. */
    pause(type: string): Promise<TaskTypeView>;
    resume(type: string): Promise<TaskTypeView>;
  };
  readonly sinks: {
    list(): Promise<readonly SinkView[]>;
    /** These reject with NotFound for a sink that has not begun. */
    enable(name: string): Promise<SinkView>;
    disable(name: string): Promise<SinkView>;
    parked(name: string, after: string | undefined, limit: number): Promise<readonly DeliveryRecord[]>;
    redrive(name: string, positions: readonly string[] | undefined): Promise<number>;
    discard(name: string, positions: readonly string[] | undefined): Promise<number>;
  };
  readonly scrub: {
    report(): Promise<ScrubReport>;
    /** Rejects with Conflict where scrubbing is switched off. */
    start(): Promise<ScrubReport>;
  };
  readonly media: {
    refused(reason: MediaReason | undefined, limit: number): Promise<readonly MediaRecord[]>;
    /** Resolves how many. */
    redrive(reason: MediaReason | undefined): Promise<number>;
  };
  readonly audit: {
    /** Newest first. Rejects with InvalidArgument for an action that there is not. */
    list(filter: AuditFilter, after: AuditPosition | undefined, limit: number): Promise<AuditPage>;
    /** Everything that fits, page by page. */
    walk(filter: AuditFilter, signal: AbortSignal): AsyncGenerator<readonly AuditEntry[]>;
  };
  readonly usage: {
    /** Rejects with InvalidArgument for a range that is too long or makes too many totals. */
    totals(question: UsageQuestion): Promise<readonly UsageTotal[]>;
  };
  fsck(options: FsckOptions): Promise<FsckSummary>;
  doctor(): Promise<readonly DoctorRow[]>;
  /** Rejects with Conflict when the database is newer than this build. */
  schema(): Promise<SchemaState>;
  /** What migrate would run. */
  plan(): Promise<readonly PlannedMigration[]>;
  migrate(): Promise<SchemaState>;
  listen(): Promise<Listener>;
  /** Runs tasks and nothing else. */
  work(): Promise<TaskWorker>;
  openapi(): object;
  close(): Promise<void>;
}

/** What a service needs to know when it is one of several processes of a node, and how it reaches the others. */
export interface NodeProcess {
  /** True when it speaks for the node from its start on, in the registry and for the schedules. */
  readonly speaks: boolean;
  /** Resolves when it shall do so because the one that did is gone. */
  readonly speak: Promise<void>;
  /** Address of the node; known when the service is told to listen. */
  readonly url: string;
  /** When the node was started. */
  readonly startedAt: number;
  /** Every connection from now on. */
  accept(take: (socket: Socket) => void): void;
  /** True when no other process of the node goes on. */
  isLast(): Promise<boolean>;
  /** Resolves when the other processes have heard the message. */
  tell(topic: string, message: string): Promise<void>;
  onTold(listener: (topic: string, message: string) => void): void;
  /** How this process answers when another is asked for the metrics of the node. */
  answerMetrics(snapshot: () => Promise<unknown>): void;
  /** Those of every process with `own` among them; undefined when nobody answers. */
  allMetrics(own: unknown): Promise<unknown>;
  /** How this process answers when another is asked for the load of the node. */
  answerLoad(load: () => NodeLoad): void;
  /** Those of the other processes that answer. */
  loads(): Promise<readonly NodeLoad[]>;
}

/** `process` is given where the service is one of several processes. */
export type OpenService = (config: Config, logger: Logger, process?: NodeProcess) => Promise<Service>;

/** What a command gets from the process it runs in; tests give their own. */
export interface Context {
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly print: (line: string) => void;
  readonly complain: (line: string) => void;
  readonly openService: OpenService;
}
