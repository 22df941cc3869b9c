import { stringify } from 'yaml';
import { crdOf } from '../src/resources/crd.ts';
import { type Kind, kinds } from '../src/resources/kinds.ts';
import { cliErrorsText } from './reference/cli-errors.ts';
import { conditionsText } from './reference/conditions.ts';
import { resourceText } from './reference/resources.ts';

/** Paths from the project's root. */
export type GeneratedFile = { readonly path: string; readonly text: string };

/** The CRDs and the reference, from src/resources and src/cli. */
export function generatedFiles(): readonly GeneratedFile[] {
  const all = Object.keys(kinds) as Kind[];
  return [
    ...all.map((kind) => ({ path: `deploy/crds/${kinds[kind]}.yaml`, text: crdText(kind) })),
    ...all.map((kind) => ({ path: `docs/reference/${kind.toLowerCase()}.md`, text: resourceText(kind) })),
    { path: 'docs/reference/conditions.md', text: conditionsText() },
    { path: 'docs/reference/cli-errors.md', text: cliErrorsText() },
  ];
}

const crdText = (kind: Kind): string =>
  `# Generated from src/resources by \`npm run generate\`.\n${stringify(crdOf(kind), { lineWidth: 0, aliasDuplicateObjects: false })}`;
