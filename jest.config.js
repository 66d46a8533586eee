const jupyterlab = require('@jupyterlab/testutils/lib/jest-config');

// Packages that ship ES modules only.
const modules = [
  '@codemirror',
  '@jupyter/',
  '@jupyterlab/',
  '@microsoft/',
  '@tanstack/',
  'exenv-es6',
  'lib0',
  'nanoid',
  'nbdime',
  'uplot',
  'vscode-ws-jsonrpc',
  'y-protocols',
  'y-websocket',
  'yjs'
].join('|');

module.exports = {
  ...jupyterlab(__dirname),
  automock: false,
  modulePathIgnorePatterns: [
    '<rootDir>/mlm_jupyter/labextension',
    '<rootDir>/dist',
    '<rootDir>/build',
    '<rootDir>/lib',
    '<rootDir>/tests/ui',
    '<rootDir>/.venv'
  ],
  testRegex: 'tests/frontend/.*\\.spec\\.tsx?$',
  coverageReporters: ['text'],
  transformIgnorePatterns: [`/node_modules/(?!${modules}).+`]
};
