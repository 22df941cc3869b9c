import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cliErrors } from '../../src/cli/errors.ts';
import { addressOf, type Explanation } from '../../src/model/explanation.ts';
import { type KindWithReasons, reasons, releaseStates } from '../../src/resources/reasons.ts';
import { generatedFiles } from '../../tools/generated-files.ts';

const textOf = (path: string): string => readFileSync(path, 'utf8');

/** The ids that Git hosts give to headings. */
const headingIds = (markdown: string): readonly string[] =>
  [...markdown.matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );

const entries: readonly (readonly [string, string, Explanation])[] = [
  ...(Object.keys(reasons) as KindWithReasons[]).flatMap((kind) =>
    Object.entries(reasons[kind]).map(([reason, entry]) => [`${kind} ${reason}`, addressOf.reason(kind, reason), entry] as const),
  ),
  ...Object.entries(releaseStates).map(([state, entry]) => [`Release ${state}`, addressOf.reason('Release', state), entry] as const),
  ...Object.entries(cliErrors).map(([error, entry]) => [error, addressOf.cliError(error), entry] as const),
];

it.each(generatedFiles().map(({ path, text }) => [path, text]))('%s is as `npm run generate` writes it', (path, text) => {
  expect(textOf(path)).toBe(text);
});

describe.each(entries)('the entry %s', (_, address, { meaning, toDo, next }) => {
  it('is found at its address, once', () => {
    const [path = '', id = ''] = address.split('#');
    expect(headingIds(textOf(path)).filter((each) => each === id)).toHaveLength(1);
  });

  it('says in whole sentences what it means, what to do and what comes next', () => {
    for (const text of [meaning, toDo, next]) expect(text).toMatch(/^[\p{Lu}`].{5,}\.$/u);
  });
});

describe.each(['README.md', ...globSync('docs/**/*.md')])('the links of %s', (path) => {
  const links = [...textOf(path).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = '']) => (/^[a-z]+:/.test(target) ? [] : [target]));

  it('lead to a file that is there, and to a heading in it', () => {
    for (const link of links) {
      const [file = '', id] = link.split('#');
      const target = file === '' ? path : join(dirname(path), file);
      const ids = target.endsWith('.md') ? headingIds(textOf(target)) : globSync(target);
      expect(ids, `${link} in ${path}`).not.toEqual([]);
      if (id !== undefined) expect(ids, `${link} in ${path}`).toContain(id);
    }
  });
});
