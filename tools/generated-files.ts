import { stringify } from 'yaml';
import { crdOf } from '../src/resources/crd.ts';
import { type Kind, kinds } from '../src/resources/kinds.ts';
import { cliErrorsText } from './reference/cli-errors.ts';
import { conditionsText } from './reference/conditions.ts';

/** Paths from the project's root. */
export type GeneratedFile = { readonly path: string; readonly text: string };

/** The CRDs and the reference, from src/resources and src/cli. */
export function generatedFiles(): readonly GeneratedFile[] {
  return [
    ...(Object.keys(kinds) as Kind[]).map((kind) => ({ path: `deploy/crds/${kinds[kind]}.yaml`, text: crdText(kind) })),
    { path: 'docs/reference/conditions.md', text: conditionsText() },
    { path: 'docs/reference/cli-errors.md', text: cliErrorsText() },
  ];
}

const crdText = (kind: Kind): string =>
  `# Generated from src/resources by \`npm run generate\`.\n${stringify(crdOf(kind), { lineWidth: 0, aliasDuplicateObjects: false })}`;
