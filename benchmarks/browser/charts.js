/**
 * How long do three curves of 100,000 points take, from the points as the server sends them to the painted chart?
 *
 *     npm run build:lib && node benchmarks/browser/charts.js [FOLDER OF THE COMPILED CODE]
 *
 * Runs the compiled modules of the charts in a headless Chromium ($CHROMIUM, else /usr/bin/chromium) without JupyterLab. In
 * the product the server thins curves to about 1,000 points; this is what a chart costs that was zoomed into all of them.
 */
const fs = require('fs');
const path = require('path');
const { launch, print, root } = require('./lab');

const ROUNDS = 9;
const lib = path.resolve(process.argv[2] ?? path.join(root, 'lib'));
const page_ = `<!doctype html><script type="importmap">{"imports": {
  "uplot": "/uplot.js", "react": "/react.js"
}}</script><body data-jp-theme-light="true"><div id="host" style="width: 600px"></div>`;

/** The compiled modules name each other without extension; React is only named by what is not called here. */
function answer(route) {
  const { pathname } = new URL(route.request().url());
  const files = {
    '/uplot.js': path.join(root, 'node_modules/uplot/dist/uPlot.esm.js')
  };
  if (pathname === '/') {
    return route.fulfill({ contentType: 'text/html', body: page_ });
  }
  if (pathname === '/react.js') {
    return route.fulfill({ contentType: 'text/javascript', body: 'export default {};' });
  }
  const file = files[pathname] ?? path.join(lib, pathname.replace(/(\.js)?$/, '.js'));
  return route.fulfill({ contentType: 'text/javascript', body: fs.readFileSync(file, 'utf8') });
}

/** In the page: the medians of what each step takes, in ms. */
async function measure(rounds) {
  const [series_, plot_, smoothing_, theme_, uplot_] = await Promise.all([
    import('/panels/charts/series'),
    import('/panels/charts/plot'),
    import('/panels/charts/smoothing'),
    import('/panels/charts/theme'),
    import('uplot')
  ]);
  const host = document.getElementById('host');
  const COUNT = 100_000;
  const metrics = [0, 1, 2].map(run =>
    Array.from({ length: COUNT }, (_, step) => ({
      key: 'loss',
      value: Math.exp(-step / 20_000) + Math.random() / 10 + run / 4,
      step,
      logged_at: 1_700_000_000_000 + step * 50,
      checkpoint_id: null
    }))
  );
  const style = {
    theme: theme_.readTheme(),
    looks: [0, 1, 2],
    axis: 'step',
    isLog: false,
    hasRaw: false,
    width: 600,
    height: 220
  };
  const events = { onCursor() {}, onZoom() {} };
  const painted = () => new Promise(resolve => requestAnimationFrame(() => setTimeout(resolve, 0)));
  const clear = () => host.replaceChildren();
  const prepare = () =>
    metrics.flatMap((points, run) => series_.toSeries(`r${run}`, `run ${run}`, points));
  const ready = series_.align(prepare(), 'step');
  const steps = {
    'uPlot alone, columns given': async () => {
      new uplot_.default(
        {
          width: 600,
          height: 220,
          series: [{}, ...['red', 'green', 'blue'].map(stroke => ({ stroke }))]
        },
        ready,
        host
      );
      await painted();
    },
    'points to painted chart': async () => {
      plot_.plot(host, series_.align(prepare(), 'step'), style, 'g', events);
      await painted();
    },
    'the same, smoothed, with the raw curves behind': async () => {
      const series = prepare();
      const raw = series.map(series_.valuesOf);
      const smooth = raw.map(values => smoothing_.smooth(values, 0.9));
      const data = series_.align([...series, ...series], 'step', [...raw, ...smooth]);
      const looks = [0, 1, 2, 0, 1, 2];
      plot_.plot(host, data, { ...style, looks, hasRaw: true }, 'g', events);
      await painted();
    },
    'new points for a chart that is there': async () => {
      const self = plot_.plot(host, ready, style, 'g', events);
      await painted();
      const start = performance.now();
      plot_.feed(self, series_.align(prepare(), 'step'), false);
      await painted();
      return performance.now() - start;
    }
  };
  const found = {};
  for (const [name, step] of Object.entries(steps)) {
    const times = [];
    for (let round = 0; round < rounds; round++) {
      clear();
      await painted();
      const start = performance.now();
      times.push((await step()) ?? performance.now() - start);
    }
    times.sort((a, b) => a - b);
    found[name] = { median: times[Math.floor(rounds / 2)], slowest: times[rounds - 1] };
  }
  return found;
}

async function main() {
  const browser = await launch();
  const page = await browser.newPage();
  await page.route('**/*', answer);
  await page.goto('http://charts.invalid/');
  const found = await page.evaluate(measure, ROUNDS);
  const ms = time => `${Math.round(time)} ms`;
  print(
    ['3 curves of 100,000 points', 'median', 'slowest', 'target'],
    Object.entries(found).map(([name, { median, slowest }], at) => [
      name,
      ms(median),
      ms(slowest),
      at === 0 ? '' : '300 ms'
    ])
  );
  await browser.close();
}

void main();
