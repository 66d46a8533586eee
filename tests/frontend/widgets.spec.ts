/**
 * Widgets of which only the stored state is left: what is shown in their place.
 */
import { readNotebook } from '../../src/panels/checkpoint/document';
import { withStandIns } from '../../src/panels/checkpoint/widgets';

type Json = { [key: string]: unknown };
type Models = { [id: string]: [kind: string, state: Json, more?: Json] };

const VIEW = 'application/vnd.jupyter.widget-view+json';

function stateOf(models: Models): Json {
  const state = Object.entries(models).map(([id, [kind, state, more]]) => [
    id,
    { model_name: `${kind}Model`, model_module: '@jupyter-widgets/controls', state, ...more }
  ]);
  return { version_major: 2, version_minor: 0, state: Object.fromEntries(state) };
}

function view(id: string, more: Json = {}): Json {
  return { output_type: 'display_data', data: { [VIEW]: { model_id: id }, ...more }, metadata: {} };
}

function children(...ids: string[]): Json {
  return { children: ids.map(id => `IPY_MODEL_${id}`) };
}

/** The text in the place of the widget `top`. */
function text(models: Models): unknown {
  const outputs = withStandIns([view('top', { 'text/plain': 'the beginning' })], stateOf(models));
  return outputs.map(output => (output.data as Json)['text/plain']).join('\n---\n');
}

const TQDM: Models = {
  top: ['HBox', children('name', 'bar', 'rest')],
  name: ['HTML', { value: 'train:\u2007100%' }],
  bar: ['FloatProgress', { bar_style: 'success', max: 10, value: 10 }],
  rest: ['HTML', { value: '\u200710/10\u2007[00:00&lt;00:00,\u200747.53it/s]' }]
};

describe('in the place of widgets', () => {
  it('a bar of tqdm stands where it ended', () => {
    expect(text(TQDM)).toBe('train: 100% |██████████| 10/10 [00:00<00:00, 47.53it/s]');
    const half: Models = { ...TQDM, bar: ['FloatProgress', { max: 10, value: 4 }] };
    expect(text(half)).toContain('|████      |');
  });

  it('the controls of an interact have their values, and what it showed is shown', () => {
    const shown = { output_type: 'stream', name: 'stdout', text: 'x is 3 b\n' };
    const outputs = withStandIns(
      [view('top'), { output_type: 'stream', name: 'stdout', text: 'after' }],
      stateOf({
        top: ['VBox', children('x', 'name', 'on', 'out')],
        x: ['IntSlider', { description: 'x', max: 10, value: 3 }],
        name: ['Dropdown', { _options_labels: ['a', 'b'], description: 'name', index: 1 }],
        on: ['Checkbox', { description: 'on', value: true }],
        out: ['Output', { msg_id: '', outputs: [shown] }]
      })
    );
    expect(outputs).toEqual([
      { output_type: 'display_data', data: { 'text/plain': 'x: 3\nname: b\n☑ on' }, metadata: {} },
      shown,
      { output_type: 'stream', name: 'stdout', text: 'after' }
    ]);
  });

  it.each<[string, string, Json]>([
    ['n: 0', 'IntText', { description: 'n' }],
    ['range: 2, 5', 'FloatRangeSlider', { description: 'range', value: [2, 5] }],
    [
      'day: 2026-01-02',
      'DatePicker',
      { description: 'day', value: { year: 2026, month: 0, date: 2 } }
    ],
    [
      'some: a, c',
      'SelectMultiple',
      { description: 'some', _options_labels: ['a', 'b', 'c'], index: [0, 2] }
    ],
    ['some: –', 'Select', { description: 'some', _options_labels: ['a'], index: null }],
    ['key: •••', 'Password', { description: 'key', value: 'secret' }],
    ['[Go]', 'Button', { description: 'Go' }],
    ['bold & x', 'HTML', { value: '<b>bold</b> &amp; <i>x</i><script>window.ran = 1</script>' }]
  ])('it says %s', (said, kind, state) => {
    expect(String(text({ top: [kind, state] }))).toContain(said);
    expect((window as { ran?: number }).ran).toBeUndefined();
  });

  it('tabs have their titles, and a picture is one', () => {
    const models: Models = {
      top: ['Tab', { ...children('one', 'two'), titles: ['First'] }],
      one: ['Label', { value: 'a' }],
      two: [
        'Image',
        { format: 'png' },
        { buffers: [{ data: 'AAAA', encoding: 'base64', path: ['value'] }] }
      ]
    };
    const outputs = withStandIns([view('top')], stateOf(models));
    expect(outputs.map(output => output.data)).toEqual([
      { 'text/plain': 'First:\na\n2:' },
      { 'image/png': 'AAAA' }
    ]);
  });

  it('stays what there is where it says more, and where nothing is known', () => {
    const figure = view('top', { 'image/png': 'AAAA', 'text/plain': 'Canvas' });
    expect(withStandIns([figure], stateOf({ top: ['MPLCanvas', {}] }))).toEqual([figure]);
    const lost = view('gone', { 'text/plain': 'IntSlider()' });
    for (const state of [null, {}, { state: 7 }, stateOf(TQDM)]) {
      expect(withStandIns([lost], state)).toEqual([lost]);
    }
    const map: Models[string] = ['LeafletMap', { value: 1 }, { model_module: 'jupyter-leaflet' }];
    const foreign = view('top', { 'text/plain': 'Map(center=[1, 2])' });
    expect(withStandIns([foreign], stateOf({ top: map }))).toEqual([foreign]);
    expect(text({ top: ['VBox', children('map', 'gone')], map })).toBe('(LeafletMap)');
  });

  it('comes to an end with a state that refers to itself', () => {
    const models: Models = {
      top: ['VBox', children('top', 'out', 'missing')],
      out: ['Output', { outputs: [view('out'), view('top')] }]
    };
    const outputs = withStandIns([view('top')], stateOf(models));
    expect(outputs.length).toBeLessThan(5);
  });

  it('is in the notebook too', () => {
    const { cells } = readNotebook({
      cells: [{ cell_type: 'code', outputs: [view('top')] }],
      metadata: { widgets: { 'application/vnd.jupyter.widget-state+json': stateOf(TQDM) } }
    });
    expect(cells[0].outputs[0].data).toEqual({ 'text/plain': text(TQDM) });
  });
});
