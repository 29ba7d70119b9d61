import { existsSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeFolder } from './make-folder.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'osproxy-make-folder-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('makeFolder', () => {
  it('makes what is missing with the mode, and takes what is there', () => {
    const deep = join(folder, 'a', 'b', 'c');
    makeFolder(deep, 0o700);
    makeFolder(deep, 0o755);
    expect(statSync(deep).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder, 'a')).mode & 0o777).toBe(0o700);
    makeFolder('/');
  });

  it('takes a link to a folder', () => {
    symlinkSync(folder, join(folder, 'link'));
    makeFolder(join(folder, 'link', 'below'));
    expect(existsSync(join(folder, 'below'))).toBe(true);
  });

  it('throws why it cannot be made', () => {
    writeFileSync(join(folder, 'plain'), '');
    symlinkSync(join(folder, 'nowhere'), join(folder, 'dangling'));
    expect(() => makeFolder(join(folder, 'plain'))).toThrow(expect.objectContaining({ code: 'EEXIST' }));
    expect(() => makeFolder(join(folder, 'dangling'))).toThrow(expect.objectContaining({ code: 'EEXIST' }));
    expect(() => makeFolder(join(folder, 'plain', 'x', 'y'))).toThrow(
      expect.objectContaining({ code: 'ENOTDIR' }),
    );
  });

  it('ends where nothing can be made', ({ skip }) => {
    if (!existsSync('/proc/self')) skip('this system has no /proc');
    expect(() => makeFolder('/proc/osproxy/data')).toThrow(expect.objectContaining({ code: 'ENOENT' }));
    expect(() => makeFolder('/proc/osproxy')).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  });
});
