import helmet from '@fastify/helmet';
import type { FastifyPluginAsync } from 'fastify';
import { localOnly, ownSiteOnly } from './local-only.ts';
import { type PageOptions, pageRoutes } from './page-routes.ts';
import { type ReadOptions, readRoutes } from './read-routes.ts';

/** Scripts, styles and requests of its own and no others; shown in nobody's frame. Styles that scripts set by property need no leave. */
const contentSecurityPolicy = {
  useDefaults: false,
  directives: {
    'default-src': ["'none'"],
    'script-src': ["'self'"],
    'style-src': ["'self'"],
    'img-src': ["'self'"],
    'font-src': ["'self'"],
    'connect-src': ["'self'"],
    'base-uri': ["'none'"],
    'form-action': ["'none'"],
    'frame-ancestors': ["'none'"],
  },
};

/** The page and the read API: both are for this machine only until there is sign-in. */
export const localRoutes: FastifyPluginAsync<{ readonly api: ReadOptions; readonly page: PageOptions }> = async (app, { api, page }) => {
  app.addHook('onRequest', localOnly);
  await app.register(helmet, {
    contentSecurityPolicy,
    // There is no https on loopback.
    strictTransportSecurity: false,
    referrerPolicy: { policy: 'no-referrer' },
  });
  await app.register(pageRoutes, page);
  await app.register(
    async (own) => {
      own.addHook('onRequest', ownSiteOnly);
      await own.register(readRoutes, api);
    },
    { prefix: '/api/v1' },
  );
};
