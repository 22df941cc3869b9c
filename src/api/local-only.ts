import type { IncomingHttpHeaders } from 'node:http';
import type { onRequestAsyncHookHandler } from 'fastify';

type Asked = { readonly remoteAddress: string | undefined; readonly headers: IncomingHttpHeaders };

const advice = 'until there is sign-in, the page and the API answer on this machine only: use http://127.0.0.1, or ssh -L or kubectl port-forward';
/** Set by proxies, which come from this machine themselves and speak for others. */
const forwarded = ['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip'];

/**
 * Why a request is not one of this machine's own; undefined when it is. The peer must be loopback; so must the Host header, which a page that had its
 * name rebound to 127.0.0.1 cannot change; no proxy may stand between; and no page of another site may have sent it.
 */
export function whyNotLocal({ remoteAddress, headers }: Asked): string | undefined {
  if (!isLoopbackAddress(remoteAddress ?? '')) return advice;
  if (!isLoopbackHost(headers.host ?? '')) return advice;
  if (forwarded.some((name) => headers[name] !== undefined)) return `this came through a proxy: ${advice}`;
  return undefined;
}

/** Browsers say by whom a request was sent; a page of another site may link here, and may read and load nothing. */
export function whyOtherSite({ headers }: Pick<Asked, 'headers'>): string | undefined {
  const site = headers['sec-fetch-site'];
  return site === undefined || site === 'same-origin' || site === 'none' ? undefined : 'another site may not ask this';
}

/** As a socket names its peer. */
const isLoopbackAddress = (address: string): boolean => address === '::1' || /^(::ffff:)?127(\.\d{1,3}){3}$/i.test(address);

/** As a Host header has it, with or without a port. */
const isLoopbackHost = (host: string): boolean => /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/i.test(host);

export const localOnly: onRequestAsyncHookHandler = async (request, reply) => {
  const why = whyNotLocal({ remoteAddress: request.socket.remoteAddress, headers: request.headers });
  if (why !== undefined) return reply.code(403).send({ message: why });
};

export const ownSiteOnly: onRequestAsyncHookHandler = async (request, reply) => {
  const why = whyOtherSite(request);
  if (why !== undefined) return reply.code(403).send({ message: why });
};
