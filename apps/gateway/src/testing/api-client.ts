import request, { type Test } from 'supertest';

/** Requests to a gateway with a token. */
export class ApiClient {
  constructor(
    private readonly url: string,
    private readonly token: string,
  ) {}

  get(path: string): Test {
    return this.sign(request(this.url).get(path));
  }
  put(path: string, body: object): Test {
    return this.sign(request(this.url).put(path)).send(body);
  }
  delete(path: string): Test {
    return this.sign(request(this.url).delete(path));
  }
  /** Text is sent as YAML, an object as JSON. */
  post(path: string, body: string | object = {}, type?: string): Test {
    const contentType = type ?? (typeof body === 'string' ? 'application/yaml' : 'application/json');
    return this.sign(request(this.url).post(path)).set('content-type', contentType).send(body);
  }
  apply(text: string | object): Test {
    return this.post('/api/v1/apply', text);
  }

  private sign(test: Test): Test {
    return test.set('authorization', `Bearer ${this.token}`);
  }
}
