import { Type } from 'typebox';
import { type Reference, referenceText } from '../model/reference.ts';
import type { Kind } from '../resources/kinds.ts';
import { referenceOf } from '../resources/resource.ts';

/** `…/:namespace/:name` */
export const named = Type.Object(
  { namespace: Type.String({ minLength: 1, maxLength: 63 }), name: Type.String({ minLength: 1, maxLength: 253 }) },
  { additionalProperties: false },
);

/** Orders resources by their names. */
export const byName = (one: { readonly metadata: Reference }): string => referenceText(referenceOf(one));

export const missing = (kind: Kind, reference: Reference) => ({ message: `there is no ${kind} ${referenceText(reference)}` });
