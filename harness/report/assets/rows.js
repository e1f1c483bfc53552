/* The rows: columns as harness/report/payload.py writes them, and each experiment's runs. */

const DATA = JSON.parse(byId('data').textContent);
const MODELS = DATA.models;
const EXPERIMENTS = DATA.experiments;
const WHOLE = 'whole';
const REFERENCE = 'Grid';

function value(name, row) {
  const column = DATA.columns[name];
  if (column === undefined) return null;
  if (Array.isArray(column)) return column[row];
  const place = column.at[row];
  return place < 0 ? null : column.pool[place];
}

const rowsOf = EXPERIMENTS.map(() => []);
for (let row = 0; row < DATA.rows; row += 1) rowsOf[value('experiment', row)].push(row);

const bandKey = (band) => (band === null ? WHOLE : String(band));
const bandText = (key) => (key === WHOLE ? 'whole signal' : key);
const experimentId = (e) => `${e.dim}d_${e.signal}/${e.task}/${e.preset}/${e.length ?? 'native'}/${e.steps}`;
const taskText = (task) => DATA.tasks[task].title;
const variantText = (e) =>
  `${e.preset}, ${e.length === null ? 'native size' : `length ${e.length}`}, ${e.steps} steps`;
const signalText = (e) => `${e.dim}D ${e.signal}${e.stands_for ? ` (in place of ${e.stands_for})` : ''}`;
const isBusy = (row) => value('load_at_start', row) > DATA.busy_load;
const statusText = (status) => (status ?? '').replaceAll('_', ' ');

/* A metric's name is a column's: psnr, psnr_best, psnr_paper. `gain` is made here. */
function metricInfo(metric) {
  if (metric === 'gain') return { ...DATA.metrics.psnr, name: 'Gain', long: 'Gain over the constant mean' };
  const [base, kind] = metric.split('_');
  const { name } = DATA.metrics[base];
  if (kind === 'best')
    return { ...DATA.metrics[base], base, name: `${name}, best`, long: `${name} at the best evaluation` };
  if (kind === 'paper')
    return { ...DATA.metrics[base], base, name: `${name}, paper’s`, long: `${name} at the paper’s sample positions` };
  return { ...DATA.metrics[base], base, long: name };
}

function metricsOf(experiment) {
  const rows = rowsOf[experiment];
  const has = (name) => rows.some((row) => value(name, row) !== null);
  const found = [];
  for (const base of Object.keys(DATA.metrics)) {
    for (const name of [base, `${base}_best`, `${base}_paper`]) if (has(name)) found.push(name);
    if (base === 'psnr' && has('psnr') && has('psnr_constant')) found.splice(1, 0, 'gain');
  }
  return found.length ? found : ['psnr'];
}

function score(row, metric) {
  if (metric !== 'gain') return value(metric, row);
  const [psnr, constant] = [value('psnr', row), value('psnr_constant', row)];
  return psnr === null || constant === null ? null : psnr - constant;
}

/* Every run of an experiment that is no older one: {row, model, size, band, draw, status, score}.
   A row with rings stands at the whole signal and, by PSNR, at every ring as well. */
function runsOf(experiment, metric) {
  const rows = rowsOf[experiment].filter((row) => value('status', row) !== 'older');
  const rings = metric === 'psnr' ? Math.max(0, ...rows.map((row) => (value('rings', row) ?? []).length)) : 0;
  const runs = [];
  for (const row of rows) {
    const run = {
      row,
      model: value('model', row),
      size: value('size', row),
      band: bandKey(value('bandlimit', row)),
      item: value('item', row),
      seed: value('seed', row),
      status: value('status', row),
    };
    run.draw = `${run.item}\u0000${run.seed}`;
    const ok = run.status === 'ok';
    runs.push({ ...run, score: ok ? score(row, metric) : null });
    for (let ring = 0; ring < rings; ring += 1) {
      runs.push({
        ...run,
        band: String((ring + 1) / 10),
        ring: true,
        score: ok ? ((value('rings', row) ?? [])[ring] ?? null) : null,
      });
    }
  }
  return runs;
}

const distinct = (values) => [...new Set(values)];
const byNumber = (a, b) => a - b;
const byBand = (a, b) => (a === WHOLE) - (b === WHOLE) || Number(a) - Number(b);
const byModel = (a, b) => MODELS.indexOf(a) - MODELS.indexOf(b);

/* A model's mark: the colour and shape that it has in charts. Paths fill a box of 12. */
const PATHS = {
  circle: 'M6 1a5 5 0 1 0 0 10a5 5 0 1 0 0-10z',
  square: 'M1.5 1.5h9v9h-9z',
  'triangle-up': 'M6 1l5.5 9.5h-11z',
  'triangle-down': 'M6 11l5.5-9.5h-11z',
  'triangle-right': 'M11 6l-9.5 5.5v-11z',
  'triangle-left': 'M1 6l9.5 5.5v-11z',
  diamond: 'M6 .5l4.5 5.5l-4.5 5.5l-4.5-5.5z',
  cross: 'M4 1h4v3h3v4h-3v3h-4v-3h-3v-4h3z',
};
const lookOf = (model) => DATA.looks[model];
const dot = (model) =>
  svg(
    'svg',
    { class: 'dot', viewBox: '0 0 12 12', 'aria-hidden': 'true' },
    svg('path', { d: PATHS[lookOf(model).shape], fill: lookOf(model).colour }),
  );
