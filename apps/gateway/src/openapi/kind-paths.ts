import { KINDS, type KindInfo, type Scope } from '@heddle/model';
import type { OpenAPIObject } from '@nestjs/swagger';
import { DRY_RUN } from '../http/query';
import { IDEMPOTENCY_KEY, ref } from './decorators';

type Paths = OpenAPIObject['paths'];
type Operation = NonNullable<Paths[string]['get']>;
type Parameter = NonNullable<Operation['parameters']>[number];

const PARTS: Readonly<Record<Scope, readonly string[]>> = {
  cluster: ['name'],
  tenant: ['tenant', 'name'],
  application: ['tenant', 'application', 'name'],
};

const query = (name: string, description: string): Parameter => ({
  name,
  in: 'query',
  required: false,
  description,
  schema: { type: 'string' },
});
const header = (name: string, description: string): Parameter => ({ ...query(name, description), in: 'header' });

const LIST_PARAMETERS = [
  query('tenant', 'Only objects of this tenant.'),
  query('application', 'Only objects of this application.'),
  query('selector', 'Label selector: tier=web,env in (a, b).'),
  query('limit', '1 to 1000, default 500.'),
  query('continue', 'What the page before gave.'),
];
const DRY_RUN_PARAMETER = query('dryRun', DRY_RUN);
const IF_MATCH = header('If-Match', 'A revision: refuse when the object changed since.');
const IF_NONE_MATCH = header('If-None-Match', '*: refuse when the object exists.');
const IDEMPOTENCY = header(IDEMPOTENCY_KEY.name, IDEMPOTENCY_KEY.description);

/** The routes of all kinds, written out for each kind with its own schema. */
export function kindPaths(): Paths {
  return Object.assign({}, ...KINDS.map(pathsOf)) as Paths;
}

function pathsOf(kind: KindInfo): Paths {
  const collection = `/api/v1/${kind.plural}`;
  const parts = PARTS[kind.scope];
  const parameters: Parameter[] = parts.map((name) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  const tags = [kind.plural];
  const list = {
    type: 'object' as const,
    properties: {
      kind: { type: 'string' as const },
      items: { type: 'array' as const, items: ref(kind.kind) },
      position: { type: 'integer' as const },
      continue: { type: 'string' as const },
    },
  };
  return {
    [collection]: {
      get: {
        tags,
        operationId: `list${kind.kind}`,
        summary: `Lists ${kind.plural}`,
        parameters: LIST_PARAMETERS,
        responses: answers(list),
      },
    },
    [`${collection}/${parts.map((p) => `{${p}}`).join('/')}`]: {
      parameters,
      get: {
        tags,
        operationId: `get${kind.kind}`,
        summary: `One ${kind.kind} with its status`,
        responses: answers(ref(kind.kind)),
      },
      ...(kind.derived ? {} : writing(kind, tags)),
    },
  };
}

const writing = (kind: KindInfo, tags: string[]): { put: Operation; delete: Operation } => ({
  put: {
    tags,
    operationId: `put${kind.kind}`,
    summary: `Creates or replaces one ${kind.kind}`,
    parameters: [DRY_RUN_PARAMETER, IF_MATCH, IF_NONE_MATCH, IDEMPOTENCY],
    requestBody: {
      required: true,
      content: { 'application/json': { schema: ref(kind.kind) }, 'application/yaml': { schema: ref(kind.kind) } },
    },
    responses: answers(ref('ChangeAnswer')),
  },
  delete: {
    tags,
    operationId: `delete${kind.kind}`,
    summary: `Deletes one ${kind.kind} and what it owns`,
    parameters: [DRY_RUN_PARAMETER, IF_MATCH, IDEMPOTENCY],
    responses: answers(ref('ChangeAnswer')),
  },
});

type Schema = NonNullable<NonNullable<OpenAPIObject['components']>['schemas']>[string];

const answers = (schema: Schema): Operation['responses'] => ({
  200: { description: 'Done.', content: { 'application/json': { schema } } },
  default: { description: 'Refused or failed.', content: { 'application/json': { schema: ref('Error') } } },
});
