import nx from '@nx/eslint-plugin';
import prettier from 'eslint-config-prettier';
import tseslint from 'typescript-eslint';

const layer = (tag, ...allowed) => ({
  sourceTag: `type:${tag}`,
  onlyDependOnLibsWithTags: allowed.map((t) => `type:${t}`),
});

/** Pure libraries take the time, randomness and the outside world as values; these are how they would reach for them. */
const IMPURE_GLOBALS = ['process', 'setTimeout', 'setInterval', 'setImmediate', 'fetch', 'performance', 'crypto'];

export default tseslint.config(
  { ignores: ['**/dist/**', '**/node_modules/**', '**/*.js', '**/*.mjs', '**/bin/**'] },
  ...tseslint.configs.recommended,
  prettier,
  {
    files: ['**/*.ts'],
    plugins: { '@nx': nx },
    rules: {
      '@nx/enforce-module-boundaries': [
        'error',
        {
          enforceBuildableLibDependency: false,
          allow: [],
          depConstraints: [
            layer('pure', 'pure'),
            layer('io', 'pure', 'io'),
            layer('nest', 'pure', 'io', 'nest'),
            layer('app', 'pure', 'io', 'nest'),
            layer('composition', 'pure', 'io', 'nest', 'app'),
            layer('oracle'),
            layer('test', 'pure', 'io', 'nest', 'app', 'oracle', 'composition', 'test'),
          ],
        },
      ],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/consistent-type-imports': 'off',
      'no-empty': ['error', { allowEmptyCatch: false }],
    },
  },
  {
    files: ['libs/{model,admission,apic,ipam,policy-engine,placement,rollout,pipeline}/src/**/*.ts'],
    ignores: ['**/*.spec.ts'],
    rules: {
      'no-restricted-globals': ['error', ...IMPURE_GLOBALS.map((name) => ({ name, message: 'A pure library takes this as a value.' }))],
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: 'A pure library takes the time as a value.' },
        { object: 'Math', property: 'random', message: 'A pure library takes randomness as a value.' },
      ],
      'no-restricted-imports': ['error', { patterns: ['node:*', '@nestjs/*'] }],
    },
  },
  {
    files: ['libs/**/*.ts'],
    ignores: ['libs/service/**'],
    rules: { 'no-restricted-imports': ['error', { patterns: ['@nestjs/*'] }] },
  },
);
