import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyPluginAsync } from 'fastify';

export type PageOptions = {
  /** What Vite built: index.html and assets/. */
  readonly folder: string;
};

/** Addresses within the page: each is the same document, and its script shows what the address names. */
const views = ['/', '/applications', '/applications/*', '/pipelines', '/pipelines/*', '/places'];

const notBuilt = 'The page is not built. Run: npm run build:page\n';

/** The web page. Its files are looked for when they are asked for, so that it may be built while Sluice runs. */
export const pageRoutes: FastifyPluginAsync<PageOptions> = async (app, { folder }) => {
  const index = join(folder, 'index.html');
  if (!existsSync(index)) app.log.warn({ folder }, 'the page is not built; run: npm run build:page');
  await app.register(fastifyStatic, {
    root: join(folder, 'assets'),
    prefix: '/assets/',
    index: false,
    dotfiles: 'ignore',
    // Their names hold a hash of their contents.
    immutable: true,
    maxAge: '1y',
    decorateReply: false,
    logLevel: 'warn',
  });
  for (const view of views) {
    app.get(view, { logLevel: 'warn' }, async (_request, reply) => {
      const page = await readFile(index).catch(() => undefined);
      if (page === undefined) return reply.code(503).type('text/plain').send(notBuilt);
      return reply.type('text/html; charset=utf-8').header('cache-control', 'no-cache').send(page);
    });
  }
};
