import workspace from '../../eslint.config.mjs';

/** The oracle depends on nothing; only its specs may see the engine that it judges. */
const boundaries = workspace.find((config) => config.rules?.['@nx/enforce-module-boundaries']);
const [severity, options] = boundaries.rules['@nx/enforce-module-boundaries'];

export default [
  ...workspace,
  {
    files: ['src/**/*.spec.ts'],
    rules: {
      '@nx/enforce-module-boundaries': [
        severity,
        {
          ...options,
          depConstraints: options.depConstraints.map((constraint) =>
            constraint.sourceTag === 'type:oracle'
              ? { ...constraint, onlyDependOnLibsWithTags: ['type:pure'] }
              : constraint,
          ),
        },
      ],
    },
  },
];
