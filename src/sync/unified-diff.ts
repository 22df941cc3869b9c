import { createTwoFilesPatch } from 'diff';
import { type Shown, shownPair } from '../diff/shown.ts';
import { harmless } from '../model/harmless.ts';
import { isJsonObject, type Json } from '../model/json.ts';
import { objectYaml } from '../render/object-yaml.ts';

/** `null`: there is none on that side. */
export type Difference = { readonly title: string; readonly before: unknown; readonly after: unknown };

/** As `diff -u` writes it; '' for objects that do not differ in anything that a manifest says. */
export function unifiedDiff({ title, before, after }: Difference): string {
  const [left, right] = shownPair(before, after).map(textOf);
  if (left === right || left === undefined || right === undefined) return '';
  const name = harmless(title);
  const nameOf = (text: string, side: string) => (text === '' ? '/dev/null' : `${side}/${name}`);
  const patch = createTwoFilesPatch(nameOf(left, 'live'), nameOf(right, 'wanted'), left, right, undefined, undefined, { context: 3 });
  return `diff ${name}\n${patch.replace(/^=+\n/, '').replaceAll(/^(---|\+\+\+) (.*?)\t$/gm, '$1 $2')}`;
}

const textOf = (shown: Shown): string => (shown === undefined ? '' : objectYaml(sorted(shown)));

/** The API server sorts fields in no order that a person would expect; sorted, both sides have the same one. */
function sorted(value: Json | undefined): Json {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isJsonObject(value)) return value ?? null;
  const keys = Object.keys(value).filter((key) => value[key] !== undefined);
  return Object.fromEntries(keys.sort().map((key) => [key, sorted(value[key])]));
}
