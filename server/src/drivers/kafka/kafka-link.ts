import { readFile } from 'node:fs/promises';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Kafka, KafkaConfig, LogEntry, SASLOptions } from 'kafkajs';
import type { Logger } from '#core/ports/logger.ts';
import { type KafkaSettings, timeoutMsOf } from './kafka-settings.ts';
import { loadKafkajs } from './kafkajs.ts';

const KEEP_ALIVE_MS = 60_000;
const MOST_CONNECT_MS = 10_000;
const DEFAULT_PORT = 9092;
/** What the library writes of an entry may hold parts of requests; these fields never do. */
const LOGGED = ['broker', 'clientId', 'groupId', 'topic', 'error', 'retryCount', 'retryTime'] as const;

/** One client of a cluster together with all its sockets, so that giving it up leaves nothing behind. The library is loaded with the first. */
export class KafkaLink {
  readonly kafka: Kafka;
  readonly #sockets: Set<Socket>;
  readonly #silence: () => void;

  private constructor(kafka: Kafka, sockets: Set<Socket>, silence: () => void) {
    this.kafka = kafka;
    this.#sockets = sockets;
    this.#silence = silence;
  }

  /** Connects to nothing yet. Rejects when `caFile` cannot be read. */
  static async open(settings: KafkaSettings, logger: Logger): Promise<KafkaLink> {
    const { Kafka, logLevel } = await loadKafkajs();
    const { clientId = 'osproxy', tls = false, caFile } = settings;
    const ca = caFile === undefined ? {} : { ca: await readFile(caFile, 'utf8') };
    const sockets = new Set<Socket>();
    let silent = false;
    const timeoutMs = timeoutMsOf(settings);
    const brokers = settings.brokers.map(withPort);
    const config: KafkaConfig = {
      clientId,
      brokers,
      connectionTimeout: Math.min(timeoutMs, MOST_CONNECT_MS),
      authenticationTimeout: timeoutMs,
      requestTimeout: timeoutMs,
      // Each try to connect takes the next broker of the list.
      retry: { initialRetryTime: 50, maxRetryTime: 1000, retries: brokers.length + 1 },
      socketFactory: ({ host, port, onConnect }) => {
        const servername = isIP(host) === 0 ? { servername: host } : {};
        const socket = tls
          ? connectTls({ host, port, ...servername, ...ca }, onConnect)
          : connectTcp({ host, port }, onConnect);
        socket.setKeepAlive(true, KEEP_ALIVE_MS);
        sockets.add(socket);
        socket.on('close', () => sockets.delete(socket));
        return socket;
      },
      logLevel: logLevel.WARN,
      logCreator: () => (entry) => {
        if (!silent) write(logger, entry);
      },
      ...(tls ? { ssl: true } : {}),
      ...saslOf(settings),
    };
    return new KafkaLink(new Kafka(config), sockets, () => {
      silent = true;
    });
  }

  /** Ends every connection at once; what was waiting for an answer fails. */
  abandon(): void {
    this.#silence();
    for (const socket of this.#sockets) socket.destroy(new Error('the connection was given up'));
  }
}

function withPort(broker: string): string {
  return /:\d{1,5}$/.test(broker) ? broker : `${broker}:${DEFAULT_PORT}`;
}

function saslOf({ username, password, saslMechanism }: KafkaSettings): { readonly sasl?: SASLOptions } {
  if (username === undefined || password === undefined) return {};
  return { sasl: { mechanism: saslMechanism ?? 'scram-sha-512', username, password } as SASLOptions };
}

function write(logger: Logger, { namespace, log }: LogEntry): void {
  const fields = Object.fromEntries(LOGGED.flatMap((name) => (name in log ? [[name, log[name]]] : [])));
  logger.warn({ part: namespace, ...fields }, `kafka client: ${log.message}`);
}
