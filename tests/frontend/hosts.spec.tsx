/**
 * What JupyterLab draws inside React comes and goes with it.
 */
import { RenderMimeRegistry, standardRendererFactories } from '@jupyterlab/rendermime';
import { nullTranslator } from '@jupyterlab/translation';
import * as React from 'react';
import { createRoot } from 'react-dom/client';

import { Markdown, Outputs } from '../../src/panels/checkpoint/hosts';

const { act } = React;
const trans = nullTranslator.load('mlm_jupyter');
const rendermime = new RenderMimeRegistry({ initialFactories: standardRendererFactories });
const outputs = [{ output_type: 'stream', name: 'stdout', text: 'hello' }];

(globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }).IS_REACT_ACT_ENVIRONMENT = true;

test('outputs and Markdown that are drawn no more leave the rest of the view alone', async () => {
  const page = document.body.appendChild(document.createElement('div'));
  const root = createRoot(page);
  const draw = (isWhole: boolean): Promise<void> =>
    act(async () =>
      root.render(
        <>
          <p>Above</p>
          {isWhole && (
            <div>
              <Outputs rendermime={rendermime} outputs={outputs} isTrusted={false} trans={trans} />
              <Markdown rendermime={rendermime} source="*words*" />
            </div>
          )}
          <p>Below</p>
        </>
      )
    );
  await draw(true);
  expect(page.textContent).toContain('hello');
  await draw(false);
  expect(page.textContent).toBe('AboveBelow');
  await draw(true);
  expect(page.textContent).toContain('hello');
  await act(async () => root.unmount());
  expect(page.textContent).toBe('');
});
