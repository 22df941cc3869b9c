import { expect, it } from 'vitest';
import { readDocuments } from '../../src/render/documents.ts';
import { kubectlScalars } from './kubectl-scalars.ts';

it.each(kubectlScalars)('reads %s as kubectl does', (source, expected) => {
  expect(readDocuments(`v: ${source}\n`, 'a.yaml')).toEqual({ ok: true, value: [{ value: { v: expected }, line: 1 }] });
});
