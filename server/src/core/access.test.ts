import { describe, expect, it } from 'vitest';
import { type AccessRule, admit, authorOf, checkAuthor, mayTouch, visibleTo } from './access.ts';
import { isOsproxyError } from './errors.ts';
import { ownerOfUser, type Principal, SCOPES, type Scope, type ServicePrincipal } from './model/principal.ts';

const nobody: Principal = { kind: 'anonymous' };
const service = (...scopes: Scope[]): ServicePrincipal => ({
  kind: 'service',
  keyId: 'k',
  owner: 'a',
  scopes: new Set(scopes),
});
const limited = (namePrefix: string, ...scopes: Scope[]): ServicePrincipal => ({
  ...service(...scopes),
  namePrefix,
  store: 'far',
});
const link = (scope: 'read' | 'write'): Principal => ({
  kind: 'link',
  linkId: 'l',
  uid: '7',
  scope,
  disposition: 'inline',
});

const person = (role: 'admin' | 'member'): Principal => ({
  kind: 'person',
  userId: '5',
  sessionId: 's',
  role,
  owner: ownerOfUser('5'),
});

function verdict(rule: AccessRule, principal: Principal): string {
  try {
    admit(rule, principal);
    return 'in';
  } catch (error) {
    return isOsproxyError(error) ? error.code : 'other';
  }
}

describe('admit', () => {
  it('lets a service in by its scope or as admin, and by nothing else', () => {
    for (const needed of SCOPES) {
      for (const has of SCOPES) {
        const wanted = needed === has || has === 'admin' ? 'in' : 'PermissionDenied';
        expect(verdict({ kind: 'service', scope: needed }, service(has))).toBe(wanted);
      }
      expect(verdict({ kind: 'service', scope: needed }, service())).toBe('PermissionDenied');
    }
  });

  it.each([
    [{ kind: 'public' }, nobody, 'in'],
    [{ kind: 'public' }, link('write'), 'in'],
    [{ kind: 'service', scope: 'read' }, nobody, 'Unauthenticated'],
    [{ kind: 'service', scope: 'read', link: 'read' }, nobody, 'Unauthenticated'],
    [{ kind: 'service', scope: 'read' }, link('read'), 'PermissionDenied'],
    [{ kind: 'service', scope: 'read', link: 'read' }, link('read'), 'in'],
    [{ kind: 'service', scope: 'read', link: 'read' }, link('write'), 'PermissionDenied'],
    [{ kind: 'service', scope: 'write', link: 'write' }, link('write'), 'in'],
    [{ kind: 'service', scope: 'write', link: 'write' }, link('read'), 'PermissionDenied'],
    [{ kind: 'service', scope: 'write' }, person('member'), 'PermissionDenied'],
    [{ kind: 'service', scope: 'write' }, person('admin'), 'PermissionDenied'],
    [{ kind: 'service', scope: 'write', person: true }, person('member'), 'in'],
    [{ kind: 'service', scope: 'admin' }, person('member'), 'PermissionDenied'],
    [{ kind: 'service', scope: 'admin' }, person('admin'), 'in'],
    [{ kind: 'person' }, nobody, 'Unauthenticated'],
    [{ kind: 'person' }, person('member'), 'in'],
    [{ kind: 'person' }, service('admin'), 'PermissionDenied'],
    [{ kind: 'person' }, link('read'), 'PermissionDenied'],
    [{ kind: 'peer' }, person('admin'), 'Unauthenticated'],
  ] as const)('%j with %j: %s', (rule, principal, wanted) => {
    expect(verdict(rule, principal)).toBe(wanted);
  });
});

describe('mayTouch', () => {
  it.each([
    [service('read'), { uid: '7', owner: 'a' }, true],
    [service('read'), { uid: '7', owner: 'b' }, false],
    [service('admin'), { uid: '7', owner: 'b' }, true],
    [person('member'), { uid: '7', owner: ownerOfUser('5') }, true],
    [person('admin'), { uid: '7', owner: 'b' }, false],
    [person('member'), { uid: '7', owner: '5' }, false],
    [link('read'), { uid: '7', owner: 'b' }, true],
    [link('read'), { uid: '8', owner: 'a' }, false],
    [nobody, { uid: '7', owner: 'a' }, false],
  ] as const)('%# %j', (principal, thing, wanted) => {
    expect(mayTouch(principal, { ...thing, name: 'x' })).toBe(wanted);
  });

  it.each([
    ['in/', 'in/a', true],
    ['in/', 'in/', true],
    ['in/', 'in', false],
    ['in/', 'IN/a', false],
    ['in/', 'out/in/a', false],
    ['in/', ' in/a', false],
    ['in/', '/in/a', false],
    ['in/', 'in\u2215a', false],
    ['caf\u00e9', 'cafe\u0301.txt', false],
    ['cafe\u0301', 'caf\u00e9.txt', false],
    ['\ufb01', 'fi', false],
    ['😀', '😀.txt', true],
  ])('a key of the prefix %j and the name %j: %s', (prefix, name, wanted) => {
    expect(mayTouch(limited(prefix, 'read'), { uid: '7', owner: 'a', name })).toBe(wanted);
    expect(mayTouch(limited(prefix, 'read'), { uid: '7', owner: 'b', name })).toBe(false);
    const make = () => checkAuthor(authorOf(limited(prefix, 'write')), name);
    if (wanted) expect(make).not.toThrow();
    else expect(make).toThrow(/may only use names/);
  });
});

describe('owners', () => {
  it('new things belong to the key, and links own nothing', () => {
    expect(authorOf(service('write'))).toEqual({ owner: 'a', keyId: 'k' });
    expect(authorOf(limited('in/', 'write'))).toEqual({
      ...{ owner: 'a', keyId: 'k', namePrefix: 'in/', store: 'far' },
    });
    expect(authorOf(person('member'))).toEqual({ owner: '~5' });
    expect(() => authorOf(link('write'))).toThrow(/Only services/);
    expect(() => authorOf(nobody)).toThrow(/Only services/);
    expect(visibleTo(service('read'))).toEqual({ owner: 'a' });
    expect(visibleTo(limited('in/', 'read'))).toEqual({ owner: 'a', namePrefix: 'in/' });
    expect(visibleTo(service('admin'))).toEqual({});
  });
});
