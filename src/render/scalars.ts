import { boolYaml11Tag, defineScalarTag, mapTag, mergeTag, NOT_RESOLVED, nullYaml11Tag, Schema, seqTag, strTag } from 'js-yaml';

const maxInt64 = 2n ** 63n - 1n;
const minInt64 = -(2n ** 63n);
const maxUint64 = 2n ** 64n - 1n;
// A 64-bit number has at most 64 binary digits, a sign and a prefix; a longer text is a float or no number at all.
const maxIntegerLength = 80;

const usualInteger = /^-?(?:0|[1-9][0-9]{0,14})$/;
const integer = /^([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[oO]([0-7]+)|0[bB]([01]+)|0([0-7]+)|(0|[1-9][0-9]*))$/;
const float = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;
const fraction = /^\.[0-9]+(?:_[0-9]+)*(?:[eE][-+]?[0-9]+)?$/;
const notFinite = /^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/;

/**
 * Plain scalars, mappings and merge keys as kubectl 1.36 takes them: YAML 1.1 without sexagesimals and timestamps, with `0o`.
 * Integers of 64 bits are bigint beyond 2^53; larger ones are floats, as in kubectl. `.inf` and `.nan` are Infinity and NaN: JSON has no such
 * values, so whoever uses this refuses them.
 * Source  sigs.k8s.io/yaml (goyaml.v2 resolve.go), compared with the real kubectl.
 */
export const kubectlSchema = new Schema([
  strTag,
  nullYaml11Tag,
  boolYaml11Tag,
  defineScalarTag<number | bigint>('tag:yaml.org,2002:int', {
    implicit: true,
    implicitFirstChars: ['-', '+', '.', ...'0123456789'],
    resolve: (source, isExplicit) => (isExplicit ? integerOf(source.replaceAll('_', '')) : numberOf(source)) ?? NOT_RESOLVED,
    identify: () => false,
  }),
  defineScalarTag<number | bigint>('tag:yaml.org,2002:float', {
    resolve: (source) => {
      const number = numberOf(source);
      return number === undefined ? NOT_RESOLVED : Number(number);
    },
    identify: () => false,
  }),
  mergeTag,
  seqTag,
  // JSON has text keys only: kubectl writes `true:` and `1:` as text and refuses an empty key.
  { ...mapTag, addPair: (carrier, key, value) => (key === null ? 'a key is empty' : mapTag.addPair(carrier, key, value)) },
]);

function numberOf(source: string): number | bigint | undefined {
  if (usualInteger.test(source)) return positiveZero(Number(source));
  if (notFinite.test(source)) return source.toLowerCase() === '.nan' ? Number.NaN : Number.POSITIVE_INFINITY;
  if (source.startsWith('.')) return fraction.test(source) ? finite(source.replaceAll('_', '')) : undefined;
  const plain = source.replaceAll('_', '');
  return integerOf(plain) ?? (float.test(plain) ? finite(plain) : undefined);
}

function integerOf(plain: string): number | bigint | undefined {
  if (plain.length > maxIntegerLength) return undefined;
  const match = integer.exec(plain);
  if (match === null) return undefined;
  const [, sign, hexadecimal, octal, binary, oldOctal, decimal] = match;
  const magnitude = BigInt(hexadecimal !== undefined ? `0x${hexadecimal}` : binary !== undefined ? `0b${binary}` : (decimal ?? `0o${octal ?? oldOctal}`));
  const value = sign === '-' ? -magnitude : magnitude;
  if (value < minInt64 || value > maxUint64) return undefined;
  if (value > maxInt64) return Number(value);
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

function finite(text: string): number | undefined {
  const value = Number(text);
  return Number.isFinite(value) ? positiveZero(value) : undefined;
}

// Go's JSON has no negative zero for what kubectl reads as an integer.
const positiveZero = (value: number): number => (value === 0 ? 0 : value);
