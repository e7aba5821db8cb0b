import type { RequestContext } from '@heddle/messaging';
import { HeddleError, KINDS, keyOf, refKey, splitPath, type KindInfo } from '@heddle/model';
import { Body, Controller, Delete, Get, Param, Put, Query, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { ChangeGate, type ChangeAnswer } from '../coordinator/change-gate';
import { readListQuery } from '../read/listing';
import { ObjectReader, type ObjectPage } from '../read/object-reader';
import { readObject, withPlaces } from './parse-body';
import { changeIdOf, entityTag, expectedRevision, readFlag, withPrecondition } from './preconditions';
import { DRY_RUN, TakesQuery } from './query';
import type { TextBody } from './read-body';
import { Caller } from './request-context';

const PATHS = [':plural/:a', ':plural/:a/:b', ':plural/:a/:b/:c'];

/** Parts of an object's path as the router finds them. */
interface PathParameters {
  readonly plural: string;
  readonly a: string;
  readonly b?: string;
  readonly c?: string;
}

/** Objects of every kind, one by one. The description of these routes is made for each kind: see openapi/kind-paths.ts. */
@ApiExcludeController()
@Controller('api/v1')
export class ObjectsController {
  constructor(
    private readonly reader: ObjectReader,
    private readonly gate: ChangeGate,
  ) {}

  @Get(':plural')
  async list(
    @Param('plural') plural: string,
    @Query() parameters: Record<string, unknown>,
    @Caller() caller: RequestContext,
  ): Promise<ObjectPage & { kind: string }> {
    const kind = kindOf(plural);
    return { kind: `${kind.kind}List`, ...(await this.reader.list(kind, readListQuery(parameters), caller)) };
  }

  @Get(PATHS)
  async get(
    @Param() parameters: PathParameters,
    @Caller() caller: RequestContext,
    @Res({ passthrough: true }) response: Response,
  ): Promise<unknown> {
    const { kind, path } = readPath(parameters);
    const object = await this.reader.get(kind, path, caller);
    if (object.metadata.revision !== undefined) response.setHeader('etag', entityTag(object.metadata.revision));
    return object;
  }

  @Put(PATHS)
  @TakesQuery({ dryRun: DRY_RUN })
  async put(
    @Param() parameters: PathParameters,
    @Query('dryRun') dryRun: unknown,
    @Body() body: TextBody,
    @Caller() caller: RequestContext,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ChangeAnswer> {
    const { kind, path } = readPath(parameters);
    const key = refKey({ kind: kind.kind, path });
    const object = readObject(body);
    if (keyOf(object) !== key) {
      throw new HeddleError(
        'invalid',
        `found ${keyOf(object).replace('/', ' ')} in the body, but the path names ${kind.kind} ${path}; they have to be the same`,
      );
    }
    const expected = expectedRevision(request);
    const change = { verb: 'put', puts: [object], deletes: [], ...expecting(key, expected), ...changeIdOf(request) };
    const work = this.gate.answer(change, caller, { dryRun: readFlag(dryRun, 'dryRun'), show: key });
    const answer = await withPrecondition(expected, withPlaces(body, work));
    const revision = answer.object?.metadata.revision;
    if (revision !== undefined) response.setHeader('etag', entityTag(revision));
    return answer;
  }

  @Delete(PATHS)
  @TakesQuery({ dryRun: DRY_RUN })
  remove(
    @Param() parameters: PathParameters,
    @Query('dryRun') dryRun: unknown,
    @Caller() caller: RequestContext,
    @Req() request: Request,
  ): Promise<ChangeAnswer> {
    const { kind, path } = readPath(parameters);
    const key = refKey({ kind: kind.kind, path });
    const expected = expectedRevision(request);
    const change = { verb: 'delete', puts: [], deletes: [key], ...expecting(key, expected), ...changeIdOf(request) };
    return withPrecondition(expected, this.gate.answer(change, caller, { dryRun: readFlag(dryRun, 'dryRun') }));
  }
}

const expecting = (key: string, revision: number | undefined) =>
  revision === undefined ? {} : { expectedRevisions: { [key]: revision } };

function kindOf(plural: string): KindInfo {
  const kind = KINDS.find((k) => k.plural === plural);
  if (kind) return kind;
  throw new HeddleError(
    'not-found',
    `there is no collection "${plural}"; there are ${KINDS.map((k) => k.plural).join(', ')}`,
  );
}

function readPath({ plural, a, b, c }: PathParameters): { kind: KindInfo; path: string } {
  const kind = kindOf(plural);
  const parts = [a, b, c].filter((part) => part !== undefined);
  const slashed = parts.find((part) => part.includes('/'));
  if (slashed !== undefined)
    throw new HeddleError('invalid', `found "${slashed}" as a part of a path; a name has no slash`);
  const path = parts.join('/');
  splitPath(kind.kind, path);
  return { kind, path };
}
