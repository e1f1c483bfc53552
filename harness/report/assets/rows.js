/* The rows: columns as harness/report/payload.py writes them, and what experiments, metrics and models are called. */

if (!window.DecompressionStream)
  document.body.prepend(el('p', { class: 'notice' }, 'This page needs a browser of 2023 or later.'));
const DATA = JSON.parse(await inflated(bytesOf('data')));
const MODELS = DATA.models;
const EXPERIMENTS = DATA.experiments;
const [ALL, WHOLE] = ['', 'whole']; // all bands or items together; the band of a score over the whole signal
const BASELINE = DATA.baseline;

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
const experimentId = (e) => `${e.dim}d_${e.signal}/${e.task}/${e.preset}/${e.length ?? 'native'}/${e.steps}${e.dataset ? `/${e.dataset}` : ''}`;
const taskText = (task) => DATA.tasks[task].title;
const variantText = (e) => `${e.preset}, ${e.extent}`;
const signalText = (e) => {
  if (e.own && e.items.length > 1)
    return `${datasetText(e)}, ${e.items.length} ${e.dim === 2 ? 'images' : 'volumes'}`;
  if (e.own) return datasetText(e);
  return `${e.signal} ${e.dim}D${e.stands_for ? ` (stands in for ${e.stands_for})` : ''}`;
};
const fileName = (item) => item.replace(/-[0-9a-f]{8}$/, ''); // without the digest of its content
const nameAmong = (names, name) =>
  names.some((other) => other !== name && fileName(other) === fileName(name)) ? name : fileName(name);
const itemText = (e, item) => nameAmong(e.items, item);
const datasetText = (e) =>
  nameAmong(
    EXPERIMENTS.map((other) => other.dataset ?? ''),
    e.dataset ?? 'a file',
  );
function itemOf(row) {
  const item = value('item', row);
  return item === null ? null : itemText(EXPERIMENTS[value('experiment', row)], item);
}
const statusKind = (row) => {
  const status = value('status', row);
  return ['ok', 'unsupported', 'missing', 'older'].includes(status) ? status : 'failed';
};
const isBusy = (row) => value('load_at_start', row) > DATA.busy_load;
const statusText = (status) => (status ?? '').replaceAll('_', ' ');

/* A metric's name is a column's: psnr, psnr_best, psnr_paper. pooled: over bands, where PSNR stands as its gain. */
function metricInfo(metric, pooled = false) {
  const [, base, kind] = /^(.+?)(?:_(best|paper))?$/.exec(metric);
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

/* A model's mark: the colour and shape that it has in charts and figures. Paths fill a box from -1 to 1. */
const lookOf = (model) => DATA.looks[model];
const mark = (model, attributes) =>
  svg(
    'svg',
    { viewBox: '-1.1 -1.1 2.2 2.2', 'aria-hidden': 'true', ...attributes },
    svg('path', { d: lookOf(model).path, fill: attributes.ink ?? lookOf(model).colour }),
  );
const dot = (model) => mark(model, { class: 'dot' });
const modelRow = (model, cells) => el('tr', {}, el('th', { scope: 'row' }, dot(model), model), cells);
const groundOf = (model) =>
  `background:var(--model-${MODELS.indexOf(model)});color:var(--ink-${MODELS.indexOf(model)})`;

/* Whose rows these are, so that presets and a person's own can be told apart at a glance. */
const presetText = (e) => (e.own ? 'your own' : e.preset);
const presetMark = (e) =>
  el(
    'span',
    {
      class: `preset ${e.own ? 'own' : ['paper', 'tuned'].includes(e.preset) ? e.preset : 'other'}`,
      title: e.own ? `a file or an array of your own, preset ${e.preset}` : `preset ${e.preset}`,
    },
    presetText(e),
  );
