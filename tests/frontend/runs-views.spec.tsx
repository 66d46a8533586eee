/**
 * What is drawn of runs: the table of a comparison and the section's words in each of its states.
 */
import { nullTranslator } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';
import { Signal } from '@lumino/signaling';
import * as React from 'react';
import { createRoot } from 'react-dom/client';
import { act } from 'react';

import type { Client } from '../../src/client';
import { RunsModel } from '../../src/model/runs';
import { SectionBody } from '../../src/panels/runs/section';
import { ComparisonTable } from '../../src/panels/runs/table';
import type { RunPage } from '../../src/schema';
import { CommandIDs, type IProjects, type IServices } from '../../src/tokens';
import { aRun } from './runs.data';

(globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }).IS_REACT_ACT_ENVIRONMENT = true;

const trans = nullTranslator.load('mlm_jupyter');

async function draw(element: React.JSX.Element): Promise<HTMLElement> {
  const host = document.createElement('div');
  await act(async () => createRoot(host).render(element));
  return host;
}

function textOf(row: Element): string[] {
  return [...row.querySelectorAll('th, td')].map(cell => cell.textContent ?? '');
}

function rowOf(host: HTMLElement, key: string): string[] {
  const rows = [...host.querySelectorAll('tr')];
  return textOf(rows.find(row => row.querySelector('th')?.textContent?.startsWith(key))!);
}

const click = (element: Element | null): Promise<void> =>
  act(async () => (element as HTMLElement).click());

describe('the table of a comparison', () => {
  const runs = [
    aRun('a', { metrics: { loss: 0.5, acc: 1 }, params: { lr: '<b>1</b>', n: '3' } }),
    aRun('b', { metrics: { loss: 0.2, acc: 1 }, params: { n: '3' }, status: 'failed' })
  ];

  async function aTable(): Promise<{ host: HTMLElement; opened: unknown[] }> {
    const commands = new CommandRegistry();
    const opened: unknown[] = [];
    commands.addCommand(CommandIDs.openRun, { execute: args => opened.push(args) });
    const services = { trans, commands } as unknown as IServices;
    const host = await draw(<ComparisonTable runs={runs} project="p" services={services} />);
    return { host, opened };
  }

  test('shows only what differs, until asked for all', async () => {
    const { host } = await aTable();
    expect(host.textContent).toContain('2 of 4 rows differ');
    expect(host.textContent).not.toContain('acc');
    await click(host.querySelector('input[type=checkbox]'));
    expect(rowOf(host, 'acc')).toEqual(['acc', '1', '1']);
    expect(rowOf(host, 'n')).toEqual(['n', '3', '3']);
  });

  test('says in words which is the best and what was not logged, and takes texts as texts', async () => {
    const { host } = await aTable();
    expect(rowOf(host, 'loss')).toEqual(['loss↓ less is better', '0.5', '★best:0.2']);
    expect(rowOf(host, 'lr')).toEqual(['lr', '<b>1</b>', '–not logged']);
    expect(rowOf(host, 'Status')).toEqual(['Status', 'Finished', 'Failed']);
    await click(host.querySelector('.jp-MlmCompareRuns-turn'));
    expect(rowOf(host, 'loss')).toEqual(['loss↑ more is better', '★best:0.5', '0.2']);
  });

  test('opens the run of a column', async () => {
    const { host, opened } = await aTable();
    await click(host.querySelectorAll('thead button')[1]);
    expect(opened).toEqual([{ project: 'p', run: 'b' }]);
  });
});

describe('the notebooks of runs', () => {
  const drawn = async (...checkpoints: (string | null)[]): Promise<[HTMLElement, unknown[]]> => {
    const commands = new CommandRegistry();
    const compared: unknown[] = [];
    commands.addCommand(CommandIDs.compare, { execute: args => compared.push(args) });
    const services = { trans, commands } as unknown as IServices;
    const runs = checkpoints.map((id, index) => aRun(`${index}`, { last_checkpoint_id: id }));
    const host = await draw(<ComparisonTable runs={runs} project="p" services={services} />);
    return [host, compared];
  };
  const buttonOf = (host: HTMLElement): Element | null =>
    host.querySelector('.jp-MlmRunView-compare');

  test('are compared where there are two, as each left its own', async () => {
    const [host, compared] = await drawn('a', 'b');
    await click(buttonOf(host));
    expect(compared).toEqual([{ project: 'p', base: '0', other: '1', are_runs: true }]);
  });

  test('are not where there is nothing to compare', async () => {
    for (const checkpoints of [
      ['a', null],
      ['a', 'a'],
      ['a', 'b', 'c']
    ]) {
      expect(buttonOf((await drawn(...checkpoints))[0])).toBeNull();
    }
  });
});

describe('the section says what to do', () => {
  async function said(page: Partial<RunPage> | Error, query = ''): Promise<string> {
    const runs = async (): Promise<RunPage> => {
      if (page instanceof Error) {
        throw page;
      }
      return { items: [], cursor: null, total: 0, ...page };
    };
    const projects = { changed: new Signal({}) } as unknown as IProjects;
    const model = new RunsModel({ runs } as unknown as Client, projects);
    model.isShown = true;
    model.query = query;
    const actions = { open() {}, remove() {}, compare() {}, openMenu() {} };
    const host = await draw(<SectionBody model={model} actions={actions} trans={trans} />);
    expect(host.textContent).toContain('%mlm_track');
    await act(async () => model.setProject('p'));
    return host.textContent ?? '';
  }

  test('where there are no runs, where none fits, where the server does not answer', async () => {
    expect(await said({})).toContain('No runs yet. Start one with %mlm_track');
    expect(await said({}, 'metrics.acc > 2')).toContain('No run fits the query');
    expect(await said(new Error('The server does not answer.'))).toContain('does not answer');
  });
});
