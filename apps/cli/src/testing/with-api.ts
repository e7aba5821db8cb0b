import { FakeApi } from './fake-api';
import { bench, type Bench } from './run';

/** A server and a place to run command lines against it, new for each test of the file. */
export function withApi(): { readonly api: () => FakeApi; readonly run: Bench['run'] } {
  let api: FakeApi;
  let place: Bench;
  beforeEach(async () => {
    api = await new FakeApi().start();
    place = bench(api);
  });
  afterEach(() => api.stop());
  return { api: () => api, run: (words, options) => place.run(words, options) };
}
