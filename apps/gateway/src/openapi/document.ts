import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { VERSION } from '../version';
import { kindPaths } from './kind-paths';
import { componentSchemas } from './schemas';

type Schemas = NonNullable<NonNullable<OpenAPIObject['components']>['schemas']>;

/** The OpenAPI document of the gateway: its controllers' routes, and those of every kind written out. */
export function openApiDocument(app: INestApplication): OpenAPIObject {
  const config = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Heddle')
    .setDescription('Containers, hosts and network policy as one thing. Errors have one shape, see Error.')
    .setVersion(VERSION)
    .addBearerAuth()
    .addSecurityRequirements('bearer')
    .build();
  const document = SwaggerModule.createDocument(app, config, { autoTagControllers: false });
  return {
    ...document,
    paths: { ...kindPaths(), ...document.paths },
    components: {
      ...document.components,
      schemas: { ...document.components?.schemas, ...(componentSchemas() as Schemas) },
    },
  };
}

/** Serves the description at /api/docs and the document at /api/openapi.json. It is made when first asked for. */
export function serveDocs(app: INestApplication): void {
  let document: OpenAPIObject | undefined;
  SwaggerModule.setup('api/docs', app, () => (document ??= openApiDocument(app)), {
    jsonDocumentUrl: 'api/openapi.json',
    yamlDocumentUrl: 'api/openapi.yaml',
    customSiteTitle: 'Heddle API',
    swaggerOptions: { persistAuthorization: true, tagsSorter: 'alpha', operationsSorter: 'alpha' },
  });
}
