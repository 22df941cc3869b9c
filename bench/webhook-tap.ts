import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Stands between the Git host and Sluice and notes when a webhook arrives; passes it on byte for byte. */
export type WebhookTap = AsyncDisposable & {
  readonly url: string;
  /** The moment (performance.now) at which the next webhook has arrived in full. */
  next(): Promise<number>;
};

export async function openWebhookTap(target: string): Promise<WebhookTap> {
  let next = Promise.withResolvers<number>();
  const passOn = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const body = await bytesOf(incoming);
    next.resolve(performance.now());
    next = Promise.withResolvers();
    const { host: _host, connection: _connection, 'content-length': _length, 'transfer-encoding': _encoding, ...headers } = incoming.headers;
    const answer = await fetch(`${target}${incoming.url ?? ''}`, { method: 'POST', headers: headers as Record<string, string>, body: new Uint8Array(body) });
    if (!answer.ok) console.error(`Sluice answered the webhook with ${answer.status}`);
    outgoing.writeHead(answer.status).end(await answer.text());
  };
  const server = createServer((incoming, outgoing) => void passOn(incoming, outgoing).catch((error: unknown) => outgoing.destroy(error as Error)));
  server.listen({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    next: () => next.promise,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function bytesOf(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
