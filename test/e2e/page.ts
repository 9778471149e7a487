/** Pages of metrics that a test serves. */
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createSecure } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { SecureContextOptions } from 'node:tls';

/** A server on a port of its own, which is closed with everything that is still open. */
export class Page implements AsyncDisposable {
  readonly #server: Server;
  readonly url: string;

  private constructor(server: Server, url: string) {
    this.#server = server;
    this.url = url;
  }

  static serve(answer: RequestListener): Promise<Page> {
    return Page.#open(createServer(answer), 'http');
  }

  static serveTls(tls: SecureContextOptions, answer: RequestListener): Promise<Page> {
    return Page.#open(createSecure(tls, answer), 'https');
  }

  static async #open(server: Server, scheme: 'http' | 'https'): Promise<Page> {
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return new Page(server, `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`);
  }

  /** Text that may change from request to request. */
  static text(text: () => string): Promise<Page> {
    return Page.serve((_request, response) => response.setHeader('content-type', 'text/plain; version=0.0.4').end(text()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }
}
