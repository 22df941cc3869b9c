import { Type } from 'typebox';
import type { ListOf } from './answers.ts';

export const mostItems = 500;
const usualItems = 100;

/** What every list may be asked with. */
export const listQuery = {
  namespace: Type.Optional(Type.String({ maxLength: 63, description: 'Only this namespace of the hub.' })),
  limit: Type.Integer({ minimum: 1, maximum: mostItems, default: usualItems }),
  after: Type.Optional(Type.String({ maxLength: 512, description: 'The `next` of the page before.' })),
};

type Asked = { readonly limit: number; readonly after?: string };

/** One page in the order of the keys, which are unique. Stays right when something comes or goes between two pages. */
export function pageOf<Resource, Item>(
  all: readonly Resource[],
  keyOf: (one: Resource) => string,
  { limit, after }: Asked,
  view: (one: Resource) => Item,
): ListOf<Item> & { items: Item[] } {
  const ordered = all
    .map((one) => ({ key: keyOf(one), one }))
    .filter(({ key }) => after === undefined || key > after)
    .toSorted((a, b) => (a.key < b.key ? -1 : 1));
  const shown = ordered.slice(0, limit);
  const last = shown.at(-1);
  return { items: shown.map(({ one }) => view(one)), ...(ordered.length > limit && last !== undefined ? { next: last.key } : {}) };
}
