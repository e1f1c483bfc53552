/* Charts of what is chosen, drawn by Vega-Lite once they come near the window, and again when the choice changes. */

const CHARTS = [
  ['size', 'Quality over budget'],
  ['band', 'Quality over band'],
  ['seconds', 'Quality against training time'],
];
const AWAY = { above: 'M0 -1.6L1 .2H-1Z', below: 'M0 1.6L1 -.2H-1Z' }; // of what leaves the frame
const MOST_BEYOND = 6; // named; what is more is counted
let waiting = []; // charts that are laid out and not drawn
let chartsNear = false;

function chartRows(kind) {
  const lines = kind === 'band' ? linesOverBands() : chosenLines();
  const scored = lines.filter((line) => line.mean !== null && (kind !== 'seconds' || known(line.seconds)));
  const frame = axisOf(scored);
  const within = (x) => Math.min(Math.max(x, frame[0]), frame[1]);
  return scored
    .map((line, cell) => ({
      cell,
      line,
      model: line.model,
      size: line.size,
      band: bandText(line.band),
      mean: line.mean,
      shown: within(line.mean),
      beyond: beyond(line.mean, frame),
      path: AWAY[beyond(line.mean, frame)] ?? lookOf(line.model).path,
      low: within(line.mean - (line.spread ?? 0)),
      high: within(line.mean + (line.spread ?? 0)),
      seconds: line.seconds,
      budget: budgetText(line.size),
      bands: bandText(line.band),
      score: scoreText(line, state.metric),
      runs: line.counts.ok,
      time: secondsText(line.seconds),
    }));
}

/* What lies beyond the edges of a chart, in words, as arrows do not say how far. */
function beyondNote(rows) {
  const at = (row) => row.budget + (current.bands.length > 1 && row.line.band !== ALL ? `, band ${row.bands}` : '');
  const each = rows.filter((row) => row.beyond).map((row) => `${row.model} at ${at(row)}: ${row.score}`);
  if (!each.length) return '';
  const more = each.length > MOST_BEYOND ? `; and ${each.length - MOST_BEYOND} more` : '';
  return el('p', { class: 'hint' }, `Beyond the scale: ${each.slice(0, MOST_BEYOND).join('; ')}${more}`);
}

/* Draw a specification into a place. A click on a point opens the trials behind it. */
async function embed(place, spec, rows, title, pooled = false) {
  const plain = rows.map(({ line, ...row }) => row);
  const { name, unit } = metricInfo(state.metric, pooled);
  const frame = axisOf(rows.map(({ line }) => line).filter(Boolean));
  const given = { '@score': unit ? `${name} (${unit})` : name, '@sizes': current.sizes, '@frame': frame };
  const labelled = JSON.parse(JSON.stringify(spec), (key, item) => given[item] ?? item);
  const made = { ...labelled, datasets: { rows: plain }, description: title };
  const { view } = await window.vegaEmbed(place, made, {
    mode: 'vega-lite',
    renderer: 'svg',
    ast: true,
    actions: { export: true, source: false, compiled: false, editor: false },
  });
  view.addEventListener('click', (event, item) => {
    const line = rows[item?.datum?.cell]?.line;
    if (line) openTrials(rowsOfLine(line));
  });
  return view;
}

/* Lay the charts out at their height, so that drawing them later moves nothing below. */
function layCharts() {
  const shown = CHARTS.filter(
    ([kind]) =>
      distinct(chartRows(kind).map((row) => (kind === 'band' ? row.band : row.size))).length >
      (kind === 'seconds' ? 0 : 1),
  );
  byId('charts-note').hidden = !shown.length;
  byId('legend').replaceChildren(
    ...current.models.filter((model) => state.models.has(model)).map((model) => el('span', {}, dot(model), nameOf(model))),
  );
  waiting = shown.map(([kind, name]) => {
    const title = kind === 'band' ? `${name} at a budget of ${budgetText(bandSize())}` : name;
    return { kind, title, rows: chartRows(kind), place: el('div', { class: 'chart' }) };
  });
  byId('chart-grid').replaceChildren(
    ...(waiting.length
      ? waiting.map(({ title, place, rows }) => el('figure', {}, el('figcaption', {}, title), place, beyondNote(rows)))
      : [el('p', { class: 'empty' }, 'A chart needs two budgets or two bands with a score.')]),
  );
}

async function drawCharts() {
  for (const { kind, title, rows, place } of waiting.splice(0)) {
    const pooled = kind !== 'band' && isPooled();
    await embed(place, DATA.charts[kind], rows, `${title}: ${metricInfo(state.metric, pooled).name}`, pooled);
  }
}

/* Charts wait until they are near, and until the rest of the page is there. */
function watchCharts() {
  if (!DATA.charts || !window.vegaEmbed) {
    byId('chart-grid').replaceChildren(
      el(
        'p',
        { class: 'empty' },
        "No charts: this page was written without vl-convert (pip install -e '.[report]').",
      ),
    );
    byId('charts-note').hidden = true;
    return;
  }
  new IntersectionObserver(
    (entries) => {
      chartsNear = entries.some((entry) => entry.isIntersecting);
      if (chartsNear) drawCharts();
    },
    { rootMargin: '600px' },
  ).observe(byId('charts'));
  window.addEventListener('beforeprint', drawCharts);
}

function refreshCharts() {
  if (!DATA.charts) return;
  layCharts();
  if (chartsNear) drawCharts();
}

/* The learning curve of one trial. */
function drawCurve(place, row) {
  const steps = JSON.parse(value('curve_steps', row) ?? '[]');
  const [psnr, loss] = [value('curve_psnr', row) ?? [], value('curve_loss', row) ?? []];
  const points = steps.map((step, i) => ({ step, psnr: psnr[i], loss: loss[i] }));
  if (!points.length) return place.replaceChildren(el('p', { class: 'empty' }, 'It left no curve.'));
  if (!window.vegaEmbed || !DATA.charts || points.length === 1) return place.replaceChildren(curveTable(points));
  return embed(place, DATA.charts.curve, points, 'PSNR and loss over passes');
}

/* The learning curves of several trials. */
function drawCurves(place, rows) {
  const points = rows.flatMap((row, i) => {
    const trial = `${i + 1} ${value('model', row)} ${budgetText(value('size', row))}`;
    const psnr = value('curve_psnr', row) ?? [];
    return JSON.parse(value('curve_steps', row) ?? '[]').map((step, k) => ({ step, psnr: psnr[k], trial }));
  });
  if (!points.length || !window.vegaEmbed || !DATA.charts)
    return place.replaceChildren(el('p', { class: 'empty' }, 'No curves.'));
  return embed(place, DATA.charts.curves, points, 'PSNR over passes');
}

const curveTable = (points) =>
  tableOf(
    {},
    null,
    ['Passes', 'PSNR (dB)', 'Loss'].map((text) => el('th', { scope: 'col', class: 'number' }, text)),
    points.map((point) =>
      el(
        'tr',
        {},
        [point.step, point.psnr, point.loss].map((x) => el('td', { class: 'number' }, x ?? '')),
      ),
    ),
  );
