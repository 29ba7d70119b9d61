import fs from 'node:fs';

/**
 * The callback API of node:fs as promises: on the path of small objects it costs less than FileHandle. Rejections are the
 * system's own errors.
 */
export function openFile(path: string, flags: string | number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.open(path, flags, 0o640, (error, fd) => (error ? reject(error) : resolve(fd)));
  });
}

export function closeFile(fd: number): Promise<void> {
  return new Promise((resolve, reject) => {
    fs.close(fd, (error) => (error ? reject(error) : resolve()));
  });
}

export function syncFile(fd: number): Promise<void> {
  return new Promise((resolve, reject) => {
    fs.fsync(fd, (error) => (error ? reject(error) : resolve()));
  });
}

export function statFile(fd: number): Promise<fs.Stats> {
  return new Promise((resolve, reject) => {
    fs.fstat(fd, (error, stats) => (error ? reject(error) : resolve(stats)));
  });
}

export function statPath(path: string): Promise<fs.Stats> {
  return new Promise((resolve, reject) => {
    fs.lstat(path, (error, stats) => (error ? reject(error) : resolve(stats)));
  });
}

/** Like statPath, but of what a link points at. */
export function statTarget(path: string): Promise<fs.Stats> {
  return new Promise((resolve, reject) => {
    fs.stat(path, (error, stats) => (error ? reject(error) : resolve(stats)));
  });
}

export function renamePath(from: string, to: string): Promise<void> {
  return new Promise((resolve, reject) => {
    fs.rename(from, to, (error) => (error ? reject(error) : resolve()));
  });
}

export function unlinkPath(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    fs.unlink(path, (error) => (error ? reject(error) : resolve()));
  });
}

export function makeFolder(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    fs.mkdir(path, 0o750, (error) => (error ? reject(error) : resolve()));
  });
}

/** Writes all bytes at the position. */
export async function writeFully(fd: number, bytes: Uint8Array, position: number): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    done += await writeSome(fd, bytes, done, position + done);
  }
}

/** Fills the buffer from the position on; fewer bytes only where the file ends. */
export async function readFully(fd: number, buffer: Uint8Array, position: number): Promise<number> {
  let done = 0;
  while (done < buffer.length) {
    const got = await readSome(fd, buffer, done, position + done);
    if (got === 0) break;
    done += got;
  }
  return done;
}

function writeSome(fd: number, bytes: Uint8Array, from: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.write(fd, bytes, from, bytes.length - from, position, (error, count) =>
      error ? reject(error) : resolve(count),
    );
  });
}

/** What one call gives; of a regular file fewer bytes than asked for only where it ends. */
export function readSome(fd: number, buffer: Uint8Array, from: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.read(fd, buffer, from, buffer.length - from, position, (error, count) =>
      error ? reject(error) : resolve(count),
    );
  });
}
