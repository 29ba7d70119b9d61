import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Away } from '#core/away.ts';
import { ClamdScanner, parseClamdAddress } from '#drivers/scanner/clamd.ts';
import { Clamd, EICAR } from '#test/services/clamd.ts';
import { withService } from '#test/services/shared.ts';

const MIB = 1024 * 1024;

async function* inChunks(bytes: Buffer, size = 100_000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) {
    // As of every body: a chunk is valid until the next is asked for.
    const chunk = Buffer.from(bytes.subarray(at, at + size));
    yield chunk;
    chunk.fill(0);
  }
}

const scannerAt = (address: string, timeoutMs = 20_000) =>
  new ClamdScanner({ address: parseClamdAddress(address), timeoutMs, hereWithinMs: 2000 });
const scan = (scanner: ClamdScanner, bytes: Buffer, signal = new AbortController().signal) =>
  scanner.scan(inChunks(bytes), signal);

await withService('clamd', () => {
  describe('a real clamd', () => {
    async function start() {
      const clamd = await Clamd.start();
      onTestFinished(() => clamd.stop());
      return clamd;
    }

    it('finds EICAR wherever it is, and nothing in what is clean, over TCP and a socket', async () => {
      const clamd = await start();
      for (const address of [clamd.address, `unix:${clamd.path}`]) {
        const scanner = scannerAt(address);
        expect(await scanner.examine()).toMatch(/^ClamAV \d/);
        expect(await scan(scanner, EICAR)).toEqual({ found: 'Eicar-Test-Signature.UNOFFICIAL' });
        expect(await scan(scanner, Buffer.from('clean'))).toEqual({ clean: true });
        expect(await scan(scanner, Buffer.alloc(0))).toEqual({ clean: true });
        expect(await scan(scanner, randomBytes(3 * MIB))).toEqual({ clean: true });
        const deep = Buffer.concat([randomBytes(2 * MIB), EICAR, randomBytes(MIB)]);
        expect(await scan(scanner, deep)).toMatchObject({ found: /Eicar/ });
      }
    });

    it('says when a content is too large for it, and is spared the rest', async () => {
      const clamd = await start();
      const scanner = scannerAt(clamd.address);
      let read = 0;
      async function* endless(): AsyncGenerator<Uint8Array> {
        for (; read < 200; read += 1) yield randomBytes(MIB);
      }
      // It closes while it is still sent to: on a machine under load its last words can be lost, and the scan is tried again.
      await vi.waitFor(
        async () => {
          read = 0;
          expect(await scanner.scan(endless(), new AbortController().signal)).toEqual({ tooLarge: true });
        },
        { timeout: 20_000, interval: 10 },
      );
      expect(read).toBeLessThan(50);
    });

    it('that is frozen or gone is away, and is found again', async () => {
      const clamd = await start();
      const scanner = scannerAt(clamd.address);
      clamd.freeze();
      await expect(scan(scanner, EICAR)).rejects.toBeInstanceOf(Away);
      clamd.thaw();
      expect(await scan(scanner, EICAR)).toMatchObject({ found: /Eicar/ });
      await clamd.kill();
      await expect(scan(scanner, EICAR)).rejects.toBeInstanceOf(Away);
      await expect(scanner.examine()).rejects.toMatchObject({ code: 'Unavailable' });
      await clamd.start();
      expect(await scan(scanner, EICAR)).toMatchObject({ found: /Eicar/ });
    });

    it('that is killed in the middle has said nothing', async () => {
      const clamd = await start();
      async function* killing(): AsyncGenerator<Uint8Array> {
        yield randomBytes(MIB);
        await clamd.kill();
        yield randomBytes(MIB);
        yield randomBytes(MIB);
      }
      const failed = scannerAt(clamd.address).scan(killing(), new AbortController().signal);
      await expect(failed).rejects.toMatchObject({ code: 'Unavailable', message: /broke off/ });
      await expect(failed).rejects.not.toBeInstanceOf(Away);
    });

    it('is left when the signal fires, and when the content cannot be read', async () => {
      const clamd = await start();
      const scanner = scannerAt(clamd.address);
      const stop = new AbortController();
      async function* waiting(): AsyncGenerator<Uint8Array> {
        yield randomBytes(1000);
        stop.abort();
        await new Promise(() => {});
      }
      await expect(scanner.scan(waiting(), stop.signal)).rejects.toMatchObject({ code: 'Cancelled' });
      async function* broken(): AsyncGenerator<Uint8Array> {
        yield randomBytes(1000);
        throw new Error('the store is away');
      }
      await expect(scanner.scan(broken(), new AbortController().signal)).rejects.toThrow('the store is away');
    });
  });
});

describe('something at the address of clamd', () => {
  /** Answers PING like clamd, and everything else with `talk`. */
  async function server(talk: (socket: Socket) => void, pong: string | null = 'PONG\0') {
    const sockets = new Set<Socket>();
    const listening = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.once('data', (data) => {
        if (!data.toString('latin1').startsWith('zPING\0')) talk(socket);
        else if (pong !== null) socket.end(pong);
      });
    }).listen(0, '127.0.0.1');
    await once(listening, 'listening');
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
      listening.close();
    });
    return `tcp://127.0.0.1:${(listening.address() as AddressInfo).port}`;
  }

  it.each<[string, (socket: Socket) => void, RegExp]>([
    ['garbage', (socket) => socket.end(randomBytes(100).toString('hex')), /could not scan it: "[0-9a-f]+"/],
    ['binary garbage', (socket) => socket.end(Buffer.alloc(50, 0xff)), /could not scan it: "\?+"/],
    ['much garbage', (socket) => socket.write('x'.repeat(1_000_000)), /could not scan it: "x+"/],
    ['an error', (socket) => socket.end('Can’t allocate memory ERROR\0'), /could not scan it/],
    ['an OK that is none', (socket) => socket.end('OK\0'), /could not scan it: "OK"/],
    [
      'an OK in the middle of a word',
      (socket) => socket.end('stream: OK FOUND nothing\0'),
      /could not scan it/,
    ],
    ['nothing', (socket) => socket.end(), /broke off/],
    ['a reset', (socket) => socket.resetAndDestroy(), /broke off/],
    ['silence', () => {}, /was silent for 1 seconds/],
  ])('that gives %s has said neither yes nor no', async (_what, talk, message) => {
    const address = await server(talk);
    const failed = scan(scannerAt(address, 1000), randomBytes(MIB));
    await expect(failed).rejects.toMatchObject({ code: 'Unavailable' });
    await expect(failed).rejects.toThrowError(message);
    await expect(failed).rejects.not.toBeInstanceOf(Away);
  });

  it('that takes no more bytes is given up', async () => {
    const address = await server((socket) => socket.pause());
    await expect(scan(scannerAt(address, 1000), randomBytes(40 * MIB))).rejects.toThrowError(
      /was silent for 1 seconds/,
    );
  });

  it('whose name of a find is strange is shown without what is strange in it', async () => {
    const address = await server((socket) => {
      socket.resume();
      socket.end('stream: Bad\u0007\nName FOUND\0');
    });
    expect(await scan(scannerAt(address), randomBytes(100))).toEqual({ found: 'Bad??Name' });
  });

  it.each([null, 'HTTP/1.1 400 Bad Request\r\n', ''])('that answers PING with %j is away', async (pong) => {
    const address = await server(() => {}, pong);
    await expect(scan(scannerAt(address), randomBytes(10))).rejects.toBeInstanceOf(Away);
  });

  it('addresses are those of TCP and of sockets', () => {
    expect(parseClamdAddress('tcp://127.0.0.1:3310')).toEqual({ host: '127.0.0.1', port: 3310 });
    expect(parseClamdAddress('tcp://[::1]:3310')).toEqual({ host: '::1', port: 3310 });
    expect(parseClamdAddress('unix:/run/clamd.ctl')).toEqual({ path: '/run/clamd.ctl' });
  });
});
