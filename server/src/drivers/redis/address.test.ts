import { expect, it } from 'vitest';
import { parseRedisUrl } from './address.ts';

it('reads one host, with what may be left out', () => {
  expect(parseRedisUrl('redis://localhost')).toEqual({
    kind: 'single',
    endpoints: [{ host: 'localhost', port: 6379 }],
    tls: false,
    login: {},
    database: 0,
    shown: 'redis://localhost',
  });
  expect(parseRedisUrl('rediss://me:p%40ss@[::1]:7000/3')).toMatchObject({
    endpoints: [{ host: '::1', port: 7000 }],
    tls: true,
    login: { username: 'me', password: 'p@ss' },
    database: 3,
    shown: 'rediss://me:********@[::1]:7000/3',
  });
});

it('reads sentinels with the name of the master', () => {
  const url = 'redis+sentinel://:pw@s1,s2:26380/mymaster?db=2&sentinelPassword=sp';
  expect(parseRedisUrl(url)).toEqual({
    kind: 'sentinel',
    endpoints: [
      { host: 's1', port: 26_379 },
      { host: 's2', port: 26_380 },
    ],
    masterName: 'mymaster',
    tls: false,
    login: { password: 'pw' },
    sentinelLogin: { password: 'sp' },
    database: 2,
    shown: 'redis+sentinel://:********@s1,s2:26380/mymaster?db=2&sentinelPassword=********',
  });
  expect(parseRedisUrl('rediss+sentinel://h/m/4')).toMatchObject({ tls: true, database: 4 });
});

it('reads the hosts of a cluster', () => {
  expect(parseRedisUrl('redis+cluster://a:1,b:2,c')).toMatchObject({
    kind: 'cluster',
    endpoints: [
      { host: 'a', port: 1 },
      { host: 'b', port: 2 },
      { host: 'c', port: 6379 },
    ],
  });
});

it.each([
  ['', 'is not an address of Redis'],
  ['localhost:6379', 'is not an address of Redis'],
  ['http://h', 'with the scheme "http" is not an address of Redis'],
  ['redis://', 'is not an address of Redis'],
  ['redis://h:0', 'has the host "h:0"'],
  ['redis://h:65536', 'has the host "h:65536"'],
  ['redis://h,i', 'names several hosts'],
  ['redis://h/one', 'has the database "one"'],
  ['redis://h/1/2', 'has the database "1/2"'],
  ['redis://secret@h', 'has a user without a password'],
  ['redis://:%zz@h', 'has a % that begins no escape'],
  ['redis+sentinel://h', 'names no master'],
  ['redis+cluster://h/1', 'has the database 1; a cluster has only database 0'],
  ['redis://h?timeout=3', 'has the parameter "timeout"'],
])('refuses %j: it %s', (url, predicate) => {
  expect(() => parseRedisUrl(url)).toThrow(predicate);
});

it('repeats no password when it refuses', () => {
  for (const url of ['redis://me:hidden@h:0', 'redis://:hidden@h@i', 'x://:hidden@h', 'redis://hidden@h']) {
    expect(() => parseRedisUrl(url)).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('hidden') }),
    );
  }
});
