import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { clockAheadMs, openHttpProbe } from '../../src/adapters/http-probe.ts';

const at = (second: number): string => new Date(second * 1000).toUTCString();

it.each([
  { what: 'the same second', date: at(100), asked: 100_200, answered: 100_300, ahead: 0 },
  { what: 'a second that began while it was asked', date: at(101), asked: 100_900, answered: 101_100, ahead: 0 },
  { what: 'a clock that is ahead', date: at(110), asked: 100_200, answered: 100_300, ahead: 9_700 },
  { what: 'a clock that is behind', date: at(90), asked: 100_200, answered: 100_300, ahead: -9_200 },
  { what: 'nothing', date: undefined, asked: 1, answered: 2, ahead: undefined },
  { what: 'garbage', date: 'soon', asked: 1, answered: 2, ahead: undefined },
])('how far a clock is ahead is known as far as seconds tell: $what', ({ date, asked, answered, ahead }) => {
  expect(clockAheadMs(date, asked, answered)).toBe(ahead);
});

it('an answer and its absence are both answers', async () => {
  const server = createServer((_request, response) => response.writeHead(401).end('no'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await using probe = openHttpProbe({ timeoutMs: 5000 });
  const { signal } = new AbortController();
  expect(await probe.ask({ url }, signal)).toMatchObject({ answered: true, status: 401, text: 'no', clockAheadMs: 0 });
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  expect(await probe.ask({ url }, signal)).toEqual({ answered: false, reason: 'ECONNREFUSED' });
});
