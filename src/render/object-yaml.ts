import { stringify } from 'yaml';
import { canonicalJson, type Json } from '../model/json.ts';
import { readDocuments } from './documents.ts';

/**
 * An object as a YAML document that kubectl reads back as the same object. Texts are quoted where YAML 1.1 would take them for something else,
 * and all of them when that was not enough.
 */
export function objectYaml(object: unknown): string {
  const text = written(object, 'PLAIN');
  return readsBack(text, object) ? text : written(object, 'QUOTE_DOUBLE');
}

const written = (object: unknown, strings: 'PLAIN' | 'QUOTE_DOUBLE'): string =>
  stringify(object, { schema: 'yaml-1.1', lineWidth: 0, aliasDuplicateObjects: false, defaultStringType: strings, defaultKeyType: strings });

function readsBack(text: string, object: unknown): boolean {
  const documents = readDocuments(text, '');
  return documents.ok && documents.value.length === 1 && canonicalJson(documents.value[0]?.value as Json) === canonicalJson(object as Json);
}
