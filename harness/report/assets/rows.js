/* The rows: columns as harness/report/payload.py writes them, and what experiments, metrics and models are called. */

const DATA = JSON.parse(byId('data').textContent);
const MODELS = DATA.models;
const EXPERIMENTS = DATA.experiments;
const [ALL, WHOLE] = ['', 'whole']; // all bands or items together; the band of a score over the whole signal
const REFERENCE = DATA.reference;

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
const bandText = (key) => (key === WHOLE ? 'whole signal' : key === ALL ? 'all bands' : key);
const experimentId = (e) => `${e.dim}d_${e.signal}/${e.task}/${e.preset}/${e.length ?? 'native'}/${e.steps}`;
const taskText = (task) => DATA.tasks[task].title;
const variantText = (e) =>
  `${e.preset}, ${e.length === null ? 'native size' : `length ${e.length}`}, ${e.steps} steps`;
const signalText = (e) => `${e.dim}D ${e.signal}${e.stands_for ? ` (in place of ${e.stands_for})` : ''}`;
const statusKind = (row) => {
  const status = value('status', row);
  return ['ok', 'unsupported', 'missing', 'older'].includes(status) ? status : 'failed';
};
const isBusy = (row) => value('load_at_start', row) > DATA.busy_load;
const statusText = (status) => (status ?? '').replaceAll('_', ' ');

/* A metric's name is a column's: psnr, psnr_best, psnr_paper. pooled: over bands, where PSNR stands as its gain. */
function metricInfo(metric, pooled = false) {
  const [base, kind] = metric.split('_');
  const info = { ...DATA.metrics[base === 'gain' ? 'psnr' : base], base, pooled };
  if (base === 'gain' || (pooled && base === 'psnr')) {
    info.name = 'PSNR gain';
    info.note = `over the constant mean, at most ${DATA.cap} dB`;
  }
  const suffix = {
    best: [', best', ' at the best evaluation'],
    paper: [', paper’s', ' at the paper’s sample positions'],
  };
  const [short, long] = suffix[kind] ?? ['', ''];
  return { ...info, name: info.name + short, long: info.name + long + (info.note ? ` ${info.note}` : '') };
}

const distinct = (values) => [...new Set(values)];
const byNumber = (a, b) => a - b;
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
