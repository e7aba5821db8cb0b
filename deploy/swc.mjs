/** How sources are compiled, wherever they are: NestJS needs the metadata of its decorators. */
export const SWC = {
  jsc: {
    parser: { syntax: 'typescript', decorators: true },
    transform: { legacyDecorator: true, decoratorMetadata: true },
    target: 'es2022',
    keepClassNames: true,
  },
  swcrc: false,
};
