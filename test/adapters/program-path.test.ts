import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { programPath } from '../../src/adapters/program-path.ts';
import { openFolder } from '../cli/run-cli.ts';

it('a tool is found on PATH, in the first folder where it can be run', async () => {
  await using folder = await openFolder({ 'a/helm': '', 'b/helm': '#!/bin/sh\n', 'c/helm': '#!/bin/sh\n' });
  for (const name of ['b', 'c']) await chmod(join(folder.path, name, 'helm'), 0o755);
  const path = ['relative', ...['a', 'b', 'c', 'none'].map((name) => join(folder.path, name))].join(':');
  expect(await programPath('helm', path, 'SLUICE_HELM_BIN')).toBe(join(folder.path, 'b/helm'));
  expect(await programPath('/opt/helm', path, 'SLUICE_HELM_BIN')).toBe('/opt/helm');
  await expect(programPath('kustomize', path, 'SLUICE_KUSTOMIZE_BIN')).rejects.toMatchObject({
    code: 'UNREACHABLE',
    message: 'kustomize is not on PATH: install it, or name the binary in SLUICE_KUSTOMIZE_BIN',
  });
});
