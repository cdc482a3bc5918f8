import type { RequestListener } from 'node:http';

/**
 * A listener for a socket that has to be there before what answers on it: requests wait, unread, until `answerWith` says
 * who has them. While it boots, an engine looks for its plugin's socket four times, three seconds apart, and disables a
 * plugin that has none by then.
 */
export class DeferredListener {
  readonly listener: RequestListener;
  readonly #answerer: Promise<RequestListener>;
  #resolve: (answerer: RequestListener) => void = () => {};

  constructor() {
    this.#answerer = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.listener = async (request, response) => (await this.#answerer)(request, response);
  }

  /** Those that wait come first, in their order. */
  answerWith(answerer: RequestListener): void {
    this.#resolve(answerer);
  }
}
