const base = require('@jupyterlab/galata/lib/playwright-config');

const port = Number(process.env.MLM_UI_PORT || '8899');
// The `jupyter` of an environment with the oldest JupyterLab that is supported; its journey runs where it is given.
const oldest = process.env.MLM_OLDEST_JUPYTER;
// The same of one with jupyter-collaboration, which is served as a hub does it: below a prefix, with a token.
const shared = process.env.MLM_COLLABORATION_JUPYTER;
const PREFIX = '/user/me/';

const server = (jupyter, at, args = '', prefix = '/') => ({
  command: `${jupyter} lab --config jupyter_server_test_config.py ${args}`,
  cwd: __dirname,
  env: { ...process.env, MLM_UI_PORT: String(at) },
  url: `http://localhost:${at}${prefix}api`,
  timeout: 120000,
  reuseExistingServer: !process.env.CI
});

module.exports = {
  ...base,
  testDir: '.',
  timeout: 90000,
  workers: 1,
  retries: process.env.CI ? 1 : 0,
  reporter: [['list']],
  outputDir: 'test-results',
  use: {
    ...base.use,
    baseURL: `http://localhost:${port}`,
    viewport: { width: 1400, height: 900 },
    video: 'off', // it needs an ffmpeg of Playwright's own
    trace: 'retain-on-failure',
    launchOptions: {
      executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync'
      ]
    }
  },
  projects: [
    { name: 'lab', testIgnore: /everywhere|collaboration/ },
    { name: 'notebook', testMatch: /everywhere/, use: { view: 'notebooks' } },
    ...(oldest
      ? [
          {
            name: 'oldest',
            testMatch: /everywhere/,
            use: { view: 'lab/tree', baseURL: `http://localhost:${port + 1}` }
          }
        ]
      : []),
    ...(shared
      ? [
          {
            name: 'collaboration',
            testMatch: /collaboration/,
            use: { baseURL: `http://localhost:${port + 2}${PREFIX}` }
          }
        ]
      : [])
  ],
  webServer: [
    server('jupyter', port),
    ...(oldest ? [server(oldest, port + 1)] : []),
    ...(shared
      ? [
          server(
            shared,
            port + 2,
            `--ServerApp.base_url=${PREFIX} --IdentityProvider.token=secret`,
            PREFIX
          )
        ]
      : [])
  ]
};
