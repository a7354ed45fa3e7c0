/** The arrows of the house: who may import whom. */
const features = '^src/(data|intake|rights|api|cli)/';
module.exports = {
  forbidden: [
    { name: 'no-cycle', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-orphan', severity: 'error', from: { orphan: true, pathNot: '^(ormconfig|test/|src/cli/habeas)' }, to: {} },
    { name: 'no-barrel', severity: 'error', from: {}, to: { path: '^src/.*/index\\.ts$' } },
    {
      name: 'scope-and-keys-know-no-feature',
      severity: 'error',
      from: { path: '^src/(scope|keys)/' },
      to: { path: '^src/(data|intake|rights|api|cli)/' },
    },
    {
      name: 'audit-artefacts-jobs-know-no-feature',
      severity: 'error',
      from: { path: '^src/(audit|artefacts|jobs)/', pathNot: '^src/jobs/handlers\\.ts$' },
      to: { path: features },
    },
    {
      name: 'data-knows-no-right',
      severity: 'error',
      from: { path: '^src/data/' },
      to: { path: '^src/(rights|intake|api|cli)/' },
    },
    {
      name: 'a-right-knows-no-other-right',
      severity: 'error',
      from: { path: '^src/rights/([^/]+)/.+' },
      to: { path: '^src/rights/[^/]+/.+', pathNot: ['^src/rights/$1/', '^src/rights/package/'] },
    },
    {
      name: 'only-main-and-cli-import-api',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(main\\.ts|cli/|api/)' },
      to: { path: '^src/api/' },
    },
    { name: 'src-never-imports-test', severity: 'error', from: { path: '^(src|migrations)/' }, to: { path: '^(test|bench)/' } },
    {
      name: 'only-config-reads-the-environment-of-others',
      severity: 'error',
      from: { path: '^src/(?!cli|main)' },
      to: { path: '^src/cli/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
    },
  },
};
