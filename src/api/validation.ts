import type { FastifySchemaCompiler } from 'fastify';
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { Value } from 'typebox/value';

/**
 * Checks requests by the routes' TypeBox schemas. Defaults are filled in; nothing is taken away, so a field that the schema does not know is refused
 * where the schema says `additionalProperties: false`; only what stands in an address, which is text by nature, is turned into numbers and booleans.
 */
export const validatorOf: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const compiled = Compile(schema);
  return (given: unknown) => {
    const filled = Value.Default(schema, Value.Clone(given));
    const value = httpPart === 'querystring' || httpPart === 'params' ? Value.Convert(schema, filled) : filled;
    if (compiled.Check(value)) return { value };
    const [first] = compiled.Errors(value);
    return { error: new Error(`${httpPart ?? 'request'}${first?.instancePath ?? ''}: ${reasonOf(first)}`) };
  };
};

// Of a field that is not allowed the schema says no more than "false".
const reasonOf = (error: { readonly keyword: string; readonly message: string } | undefined): string =>
  error?.keyword === 'boolean' ? 'no such field' : (error?.message ?? 'does not match the schema');
