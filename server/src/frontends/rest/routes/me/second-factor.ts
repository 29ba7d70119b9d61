import { Type } from 'typebox';
import { callerOf } from '../../../http/caller.ts';
import type { HttpServer } from '../../../http/server.ts';
import { Code, PresentPassword } from '../../account-schemas.ts';
import type { RestOptions } from '../../context.ts';
import { emptyWithoutBody } from '../../optional-body.ts';
import { personOf, shownBy } from '../../person.ts';
import { nothing, problems } from '../../problems.ts';

const config = { access: { kind: 'person' } } as const;
const tags = ['accounts'];
const withPassword = Type.Object({ password: PresentPassword }, { additionalProperties: false });
const codes = Type.Object({
  recoveryCodes: Type.Array(Type.String(), {
    description: 'Each is good for one sign-in without the app. They are shown only now.',
  }),
});

const get = {
  operationId: 'getSecondFactor',
  tags,
  summary: 'Whether a second factor is on',
  response: {
    200: Type.Object(
      { enabled: Type.Boolean(), recoveryCodesLeft: Type.Integer() },
      { description: 'How it stands.' },
    ),
  },
};

const begin = {
  operationId: 'beginSecondFactor',
  tags,
  summary: 'Set up an authenticator app',
  description: 'Nothing is asked for before the first code of the app has confirmed it.',
  body: withPassword,
  response: {
    200: Type.Object(
      {
        secret: Type.String({ description: 'Base32, to be typed into the app.' }),
        uri: Type.String({ description: '`otpauth://…`, to be shown as a QR code.' }),
      },
      { description: 'What the app needs.' },
    ),
    ...problems(409, 413, 415),
  },
};

const confirm = {
  operationId: 'confirmSecondFactor',
  tags,
  summary: 'Switch the second factor on',
  body: Type.Object({ code: Code }, { additionalProperties: false }),
  response: { 200: codes, ...problems(409, 413, 415) },
};

const renew = {
  operationId: 'renewRecoveryCodes',
  tags,
  summary: 'Make new recovery codes',
  description: 'The old ones are void.',
  body: withPassword,
  response: { 200: codes, ...problems(409, 413, 415) },
};

const disable = {
  operationId: 'disableSecondFactor',
  tags,
  summary: 'Switch the second factor off',
  body: withPassword,
  response: { 204: nothing('It is off.'), ...problems(409, 413, 415) },
};

export function secondFactor(app: HttpServer, { core }: RestOptions): void {
  const { secondFactor: factor, users } = core.accounts;
  app.get('/me/second-factor', { config, schema: get }, async (request) => {
    const { userId } = personOf(request);
    const enabled = await factor.isOn(userId);
    return { enabled, recoveryCodesLeft: enabled ? await factor.recoveryCodesLeft(userId) : 0 };
  });
  app.post(
    '/me/second-factor',
    { config, schema: begin, preValidation: emptyWithoutBody },
    async (request) => {
      const { name } = await users.get(personOf(request).userId);
      return factor.begin(shownBy(request, request.body.password), name);
    },
  );
  app.post('/me/second-factor/confirm', { config, schema: confirm }, async (request) => {
    const { userId } = personOf(request);
    return { recoveryCodes: [...(await factor.confirm(userId, request.body.code, callerOf(request)))] };
  });
  app.post(
    '/me/second-factor/recovery-codes',
    { config, schema: renew, preValidation: emptyWithoutBody },
    async (request) => {
      const shown = shownBy(request, request.body.password);
      return { recoveryCodes: [...(await factor.renewCodes(shown, callerOf(request)))] };
    },
  );
  app.post(
    '/me/second-factor/disable',
    { config, schema: disable, preValidation: emptyWithoutBody },
    async (request, reply) => {
      await factor.switchOff(shownBy(request, request.body.password), callerOf(request));
      return reply.code(204).send(null);
    },
  );
}
