import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

type Cut = 'before' | 'after' | undefined;

/** A TCP proxy that cuts a connection when the client sends a text: before the server gets it, or as soon as it has. */
export class CuttingProxy {
  readonly port: number;
  readonly #close: () => Promise<void>;
  readonly #state: { cut: (text: string) => Cut; cuts: number };

  static async start(targetPort: number): Promise<CuttingProxy> {
    const sockets = new Set<Socket>();
    const state: { cut: (text: string) => Cut; cuts: number } = { cut: () => undefined, cuts: 0 };
    const server = createServer((client) => {
      const target = connect(targetPort, '127.0.0.1');
      const end = () => {
        client.destroy();
        target.destroy();
      };
      for (const socket of [client, target]) {
        sockets.add(socket);
        socket.on('error', end).on('close', () => {
          sockets.delete(socket);
          end();
        });
      }
      target.pipe(client);
      client.on('data', (chunk) => {
        const cut = state.cut(chunk.toString('latin1'));
        if (cut !== undefined) state.cuts += 1;
        if (cut === 'before') return end();
        target.write(chunk);
        if (cut === 'after') {
          target.unpipe(client);
          client.destroy();
          // The server reads what it was sent before it sees the end.
          target.end();
        }
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const close = async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    };
    return new CuttingProxy((server.address() as AddressInfo).port, close, state);
  }

  private constructor(
    port: number,
    close: () => Promise<void>,
    state: { cut: (text: string) => Cut; cuts: number },
  ) {
    this.port = port;
    this.#close = close;
    this.#state = state;
  }

  /** How many connections were cut. */
  get cuts(): number {
    return this.#state.cuts;
  }

  cutWhen(judge: (text: string) => Cut): void {
    this.#state.cut = judge;
  }

  close(): Promise<void> {
    return this.#close();
  }
}
