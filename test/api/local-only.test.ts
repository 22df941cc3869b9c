import { expect, it } from 'vitest';
import { whyNotLocal, whyOtherSite } from '../../src/api/local-only.ts';

const local = { remoteAddress: '127.0.0.1', headers: { host: '127.0.0.1:8080' } };

it.each([
  { ...local },
  { ...local, headers: { host: 'localhost:8080' } },
  { remoteAddress: '::1', headers: { host: '[::1]:8080' } },
  { remoteAddress: '::ffff:127.0.0.1', headers: { host: 'LOCALHOST' } },
])('$remoteAddress that asks for $headers.host is this machine', (asked) => {
  expect(whyNotLocal(asked)).toBeUndefined();
});

it.each([
  { remoteAddress: '10.0.0.7', headers: { host: '127.0.0.1:8080' }, because: 'comes from elsewhere' },
  { remoteAddress: '::ffff:10.0.0.7', headers: { host: 'localhost' }, because: 'comes from elsewhere' },
  { remoteAddress: undefined, headers: { host: 'localhost' }, because: 'comes from nowhere' },
  { remoteAddress: '127.0.0.1', headers: { host: 'rebound.example:8080' }, because: 'a page had its name rebound' },
  { remoteAddress: '127.0.0.1', headers: { host: 'localhost.example' }, because: 'only begins like this machine' },
  { remoteAddress: '127.0.0.1', headers: { host: '127.0.0.1.example' }, because: 'only begins like this machine' },
  { remoteAddress: '127.0.0.1', headers: {}, because: 'names nobody' },
  { remoteAddress: '127.0.0.1', headers: { host: 'localhost', 'x-forwarded-for': '10.0.0.7' }, because: 'a proxy speaks for somebody' },
])('is refused when it $because', ({ remoteAddress, headers }) => {
  expect(whyNotLocal({ remoteAddress, headers })).toContain('on this machine only');
});

it.each([
  { site: undefined, mayAsk: true },
  { site: 'same-origin', mayAsk: true },
  { site: 'none', mayAsk: true },
  { site: 'same-site', mayAsk: false },
  { site: 'cross-site', mayAsk: false },
])('a request that the browser calls $site may ask: $mayAsk', ({ site, mayAsk }) => {
  expect(whyOtherSite({ headers: site === undefined ? {} : { 'sec-fetch-site': site } }) === undefined).toBe(mayAsk);
});
