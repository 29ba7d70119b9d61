import { Type } from 'typebox';

/** Name of the form part that carries the bytes. */
export const FORM_FIELD = 'file';

export const FORM = Type.Object({
  [FORM_FIELD]: Type.String({ format: 'binary', description: 'The bytes.' }),
});

/** Taken out of the upload link unchanged. */
export const SIGNED_UPLOAD = {
  uid: Type.String(),
  date: Type.String(),
  expire: Type.String(),
  signature: Type.String(),
};
