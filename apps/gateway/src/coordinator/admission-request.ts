import type { AdmissionRequest } from '@heddle/admission';
import type { RequestContext } from '@heddle/messaging';
import { parseKey, type AnyObject, type ChangeRequest, type Principal } from '@heddle/model';

/** Who a change is recorded for. */
export const principalOf = ({ principal, tenant }: RequestContext): Principal => ({
  principal,
  ...(tenant === undefined ? {} : { tenant }),
});

/** A request as it came over the bus, in the form that is admitted. */
export const admissionRequest = (request: ChangeRequest): AdmissionRequest => ({
  verb: request.verb,
  puts: request.puts as readonly AnyObject[],
  deletes: request.deletes.map(parseKey),
  ...(request.expectedRevisions === undefined ? {} : { expectedRevisions: request.expectedRevisions }),
  ...(request.summary === undefined ? {} : { summary: request.summary }),
});
