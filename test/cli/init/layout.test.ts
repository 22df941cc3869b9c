import { globSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { proposeApplications } from '../../../src/cli/init/layout.ts';

const shop = join(import.meta.dirname, '../../../examples/shop');
const propose = (files: readonly string[], { paths = [], stages }: { readonly paths?: readonly string[]; readonly stages?: readonly string[] } = {}) =>
  proposeApplications(files, { repository: 'config', paths, stages });
const linesOf = (...args: Parameters<typeof propose>): readonly string[] => {
  const layout = propose(...args);
  if (!layout.ok) return layout.problems.map(({ at, message }) => `${at}: ${message}`);
  return layout.value.proposals.map(({ app, stage, path, valueFiles }) => [stage, app, path, ...(valueFiles ?? [])].join(' '));
};

describe('the Applications that a repository proposes', () => {
  it('are those of the example shop, overlays and a chart', () => {
    const files = globSync('**', { cwd: shop, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name).slice(shop.length + 1));
    expect(linesOf(files)).toEqual(
      ['staging', 'production'].flatMap((stage) => [
        ...['auth', 'catalog', 'orders'].map((app) => `${stage} ${app} services/${app}/overlays/${stage}`),
        `${stage} payments services/payments/chart values-${stage}.yaml`,
      ]),
    );
  });

  it.each([
    {
      what: 'overlays of one app',
      files: ['base/kustomization.yaml', 'overlays/prod/kustomization.yaml', 'overlays/dev/kustomization.yml'],
      is: ['dev config overlays/dev', 'prod config overlays/prod'],
    },
    {
      what: 'stage first',
      files: ['environments/staging/web/app.yaml', 'environments/production/web/app.yaml'],
      is: ['staging web environments/staging/web', 'production web environments/production/web'],
    },
    {
      what: 'plain folders',
      files: ['web/staging/a.yaml', 'web/production/b.json', 'web/README.md'],
      is: ['staging web web/staging', 'production web web/production'],
    },
    {
      what: 'an outer kustomization, which renders the inner ones',
      files: ['staging/kustomization.yaml', 'staging/web/kustomization.yaml'],
      is: ['staging config staging'],
    },
    {
      what: 'values in a folder',
      files: ['charts/web/Chart.yaml', 'charts/web/values/live.yaml', 'charts/web/values.yaml'],
      is: ['live web charts/web values/live.yaml'],
    },
    {
      what: 'no charts inside charts',
      files: ['web/Chart.yaml', 'web/values-qa.yaml', 'web/charts/redis/Chart.yaml', 'web/charts/redis/values-qa.yaml'],
      is: ['qa web web values-qa.yaml'],
    },
    {
      what: 'two of one name, told apart',
      files: ['apps/web/staging/a.yaml', 'services/web/staging/a.yaml'],
      is: ['staging apps-web apps/web/staging', 'staging services-web services/web/staging'],
    },
    { what: 'nothing below a dot', files: ['.github/staging/ci.yaml', 'staging/a.yaml'], is: ['staging config staging'] },
  ])('are read from $what', ({ files, is }) => {
    expect(linesOf(files)).toEqual(is);
  });

  it.each([
    {
      what: 'a pattern',
      paths: ['apps/*/k/{stage}'],
      files: ['apps/web/k/blue/a.yaml', 'apps/web/k/green/a.yaml'],
      stages: ['blue', 'green'],
      is: ['blue web apps/web/k/blue', 'green web apps/web/k/green'],
    },
    {
      what: 'a part of a name',
      paths: ['*-{stage}'],
      files: ['web-staging/a.yaml', 'web-prod/a.yaml'],
      is: ['staging web-staging web-staging', 'prod web-prod web-prod'],
    },
    {
      what: 'one folder for every stage',
      paths: ['manifests'],
      files: ['manifests/a.yaml'],
      stages: ['staging', 'production'],
      is: ['staging config manifests', 'production config manifests'],
    },
    { what: 'the root', paths: ['.'], files: ['a.yaml'], stages: ['staging'], is: ['staging config .'] },
    {
      what: 'a chart with its values',
      paths: ['chart'],
      files: ['chart/Chart.yaml', 'chart/values-staging.yaml'],
      is: ['staging config chart values-staging.yaml'],
    },
  ])('are those of $what that --path names', ({ files, paths, stages, is }) => {
    expect(linesOf(files, { paths, ...(stages === undefined ? {} : { stages }) })).toEqual(is);
  });

  it.each([
    { what: 'an empty repository', files: ['README.md'], says: /holds no manifests.*push some/ },
    {
      what: 'a repository without stages',
      files: ['manifests/a.yaml'],
      says: /no folder.*named after a stage.*it has manifests: name the folders with --path/,
    },
    {
      what: 'a pattern that finds nothing',
      files: ['apps/web/staging/a.yaml'],
      paths: ['apps/*/prod/{stage}'],
      says: /^--path apps\/\*\/prod\/\{stage\}: names no folder.*there are apps\/web\/staging/,
    },
    { what: 'a path that says nothing of stages', files: ['manifests/a.yaml'], paths: ['manifests'], says: /says nothing of stages: put \{stage\}/ },
    { what: 'a stage without a folder', files: ['staging/a.yaml'], stages: ['staging', 'production'], says: /^stage production: has no folder/ },
  ])('are refused with what to do: $what', ({ files, paths, stages, says }) => {
    expect(linesOf(files, { ...(paths === undefined ? {} : { paths }), ...(stages === undefined ? {} : { stages }) }).join('\n')).toMatch(says);
  });
});
