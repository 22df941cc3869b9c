import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { giteaWebhook } from '../../src/webhooks/gitea.ts';

const body = Buffer.from('{"ref":"refs/heads/main"}');
const hexOf = (secret: string, bytes: Uint8Array) => createHmac('sha256', secret).update(bytes).digest('hex');

describe("Gitea's signature", () => {
  it('is the HMAC-SHA256 of the bytes in hex, as RFC 4231 test case 2 has it', () => {
    const headers = { 'x-gitea-signature': '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843' };
    expect(giteaWebhook.isSigned('Jefe', headers, Buffer.from('what do ya want for nothing?'))).toBe(true);
  });

  it.each([
    { name: 'under the header of Forgejo', headers: { 'x-forgejo-signature': hexOf('s3cret', body) }, signed: true },
    { name: 'in capital letters', headers: { 'x-gitea-signature': hexOf('s3cret', body).toUpperCase() }, signed: true },
    { name: 'with another secret', headers: { 'x-gitea-signature': hexOf('other', body) }, signed: false },
    { name: 'over other bytes', headers: { 'x-gitea-signature': hexOf('s3cret', Buffer.from('{}')) }, signed: false },
    { name: 'missing', headers: {}, signed: false },
    { name: 'empty', headers: { 'x-gitea-signature': '' }, signed: false },
    { name: 'cut short', headers: { 'x-gitea-signature': hexOf('s3cret', body).slice(0, 62) }, signed: false },
    { name: 'doubled', headers: { 'x-gitea-signature': [hexOf('s3cret', body), hexOf('s3cret', body)] }, signed: false },
    { name: 'with a prefix that Gitea does not write', headers: { 'x-gitea-signature': `sha256=${hexOf('s3cret', body)}` }, signed: false },
  ])('$name: $signed', ({ headers, signed }) => {
    expect(giteaWebhook.isSigned('s3cret', headers, body)).toBe(signed);
  });

  it('never throws, whatever arrives', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.uint8Array(), (secret, signature, bytes) => {
        giteaWebhook.isSigned(secret, { 'x-gitea-signature': signature }, bytes);
      }),
    );
  });
});

describe("Gitea's events", () => {
  it.each([
    { event: 'push', changes: true },
    { event: 'create', changes: true },
    { event: 'delete', changes: true },
    { event: 'issues', changes: false },
    { event: 'something new', changes: false },
  ])('$event: $changes', ({ event, changes }) => {
    expect(giteaWebhook.changesRefs({ 'x-gitea-event': event }, body)).toEqual({ ok: true, value: changes });
    expect(giteaWebhook.changesRefs({ 'x-forgejo-event': event }, body)).toEqual({ ok: true, value: changes });
  });

  it.each([
    { name: 'no event', headers: {}, text: '{"ref":"refs/heads/main"}' },
    { name: 'an empty event', headers: { 'x-gitea-event': '' }, text: '{"ref":"refs/heads/main"}' },
    { name: 'no JSON', headers: { 'x-gitea-event': 'push' }, text: '{"ref":' },
    { name: 'no UTF-8', headers: { 'x-gitea-event': 'push' }, text: Buffer.from([0x22, 0xff, 0x22]) },
    { name: 'a list', headers: { 'x-gitea-event': 'push' }, text: '[]' },
    { name: 'null', headers: { 'x-gitea-event': 'push' }, text: 'null' },
    { name: 'nothing', headers: { 'x-gitea-event': 'push' }, text: '' },
    { name: 'a push without a ref', headers: { 'x-gitea-event': 'push' }, text: '{"ref":7}' },
    { name: 'nesting without end', headers: { 'x-gitea-event': 'push' }, text: '['.repeat(1_000_000) },
  ])('refuses $name with a reason', ({ headers, text }) => {
    expect(giteaWebhook.changesRefs(headers, Buffer.from(text))).toMatchObject({ ok: false });
  });

  it('never throws, whatever arrives', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((text) => Buffer.from(text)),
        ),
        (bytes) => {
          giteaWebhook.changesRefs({ 'x-gitea-event': 'push' }, bytes);
        },
      ),
    );
  });
});
