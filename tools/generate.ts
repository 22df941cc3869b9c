import { mkdirSync, writeFileSync } from 'node:fs';
import { stringify } from 'yaml';
import { crdOf } from '../src/resources/crd.ts';
import { type Kind, kinds } from '../src/resources/kinds.ts';

/** Writes deploy/crds from the schemas in src/resources. A test fails when they are stale. */
const folder = new URL('../deploy/crds/', import.meta.url);
mkdirSync(folder, { recursive: true });
for (const kind of Object.keys(kinds) as Kind[]) {
  const file = new URL(`${kinds[kind]}.yaml`, folder);
  writeFileSync(file, crdText(kind));
  console.log(`wrote deploy/crds/${kinds[kind]}.yaml`);
}

function crdText(kind: Kind): string {
  return `# Generated from src/resources by \`npm run generate\`.\n${stringify(crdOf(kind), { lineWidth: 0, aliasDuplicateObjects: false })}`;
}
