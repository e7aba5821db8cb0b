import { MO_CLASSES, presentMo, queryPath, type Post, type PresentMo, type Query } from '@heddle/apic';
import { HeddleError } from '@heddle/model';
import { Feed, type FeedOptions } from './feed';
import { ApicSession, type SessionOptions } from './session';

export interface ApicClientOptions extends Omit<SessionOptions, 'deadlineMs'> {
  /** For one request. Default 15 s. */
  readonly deadlineMs?: number;
  /** Objects on one page of an answer. Default 1000. */
  readonly pageSize?: number;
  /** See {@link FeedOptions}. Default 25 s. */
  readonly refreshMs?: number;
  /** See {@link FeedOptions}. Default 15 s. */
  readonly pingMs?: number;
}

/** A cluster of APIC controllers, as far as this system uses it. */
export class ApicClient {
  private readonly session: ApicSession;
  private readonly settings: Required<Pick<ApicClientOptions, 'deadlineMs' | 'pageSize' | 'refreshMs' | 'pingMs'>>;

  constructor(private readonly options: ApicClientOptions) {
    const { deadlineMs = 15_000, pageSize = 1_000, refreshMs = 25_000, pingMs = 15_000 } = options;
    this.settings = { deadlineMs, pageSize, refreshMs, pingMs };
    this.session = new ApicSession({ ...options, deadlineMs });
  }

  /** The controller that is used; undefined while there is no login. */
  get controller(): string | undefined {
    return this.session.controller;
  }

  /**
   * All pages of an answer.
   * @throws HeddleError as {@link ApicSession.call}; `conflict` when the result changed between two pages, so that it is not whole
   */
  async read(query: Query): Promise<PresentMo[]> {
    const { pageSize } = this.settings;
    const { path, parameters } = queryPath(query);
    const found = new Map<string, PresentMo>();
    let total: number | undefined;
    for (let page = 0; total === undefined || page * pageSize < total; page++) {
      const search = new URLSearchParams({ ...parameters, page: String(page), 'page-size': String(pageSize) });
      const answer = await this.session.call({ method: 'GET', path: `/api/${encode(path)}?${search}` }, path);
      // With fewer objects on the pages before, this one does not begin where the last one ended.
      if (total !== undefined && answer.totalCount !== total) throw changedMeanwhile(path);
      total = answer.totalCount;
      for (const element of answer.imdata) {
        const object = presentMo(element);
        if (object) found.set(object.dn, object);
      }
    }
    if (found.size !== total) throw changedMeanwhile(path);
    return [...found.values()];
  }

  /** Carried out as a whole or not at all. @throws HeddleError as {@link ApicSession.call}; `refused` with what the APIC says */
  async post({ dn, body }: Post): Promise<void> {
    const path = `mo/${dn}.json`;
    await this.session.call({ method: 'POST', path: `/api/${encode(path)}`, body: JSON.stringify(body) }, path);
  }

  /** Tells what changes of the objects with an annotation, until it is lost. */
  follow(annotation: string, on: Pick<FeedOptions, 'onChange' | 'onLost'>): Promise<Feed> {
    const { deadlineMs, refreshMs, pingMs } = this.settings;
    const queries = MO_CLASSES.map((name) => {
      const { path, parameters } = queryPath({ type: 'ours', class: name, annotation });
      return {
        path,
        parameters: {
          'query-target-filter': parameters['query-target-filter'] ?? '',
          'rsp-prop-include': 'naming-only',
        },
      };
    });
    return Feed.open({
      session: this.session,
      queries,
      clock: this.options.clock,
      deadlineMs,
      refreshMs,
      pingMs,
      ...on,
    });
  }

  /** Uses the next controller from now on. */
  moveOn(): void {
    this.session.moveOn();
  }

  close(): void {
    this.session.close();
  }
}

const changedMeanwhile = (path: string): HeddleError =>
  new HeddleError('conflict', `${path}: objects changed while they were read`, { retryable: true });

/** Brackets and colons of names stay as they are; what would end a path does not. */
const encode = (path: string): string => path.replace(/[%?# ]/g, encodeURIComponent);
