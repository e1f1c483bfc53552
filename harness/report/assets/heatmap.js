/* Models × budgets or bands, coloured; every cell opens its trials. Arrow keys move between cells. */

const heat = { columns: 'size', what: 'score' };
const VIRIDIS = [
  '#440154',
  '#482878',
  '#3e4989',
  '#31688e',
  '#26828e',
  '#1f9e89',
  '#35b779',
  '#6ece58',
  '#b5de2b',
  '#fde725',
];
const RED_BLUE = ['#b2182b', '#d6604d', '#f4a582', '#fddbc7', '#f7f7f7', '#d1e5f0', '#92c5de', '#4393c3', '#2166ac'];

const channels = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));

function colourAt(stops, share) {
  const at = Math.min(Math.max(share, 0), 1) * (stops.length - 1);
  const low = Math.min(Math.floor(at), stops.length - 2);
  const [a, b] = [channels(stops[low]), channels(stops[low + 1])];
  return a.map((x, i) => Math.round(x + (b[i] - x) * (at - low)));
}

/* Black or white, whichever has the greater contrast (relative luminance of WCAG 2). */
function inkOn(colour) {
  const [r, g, b] = colour.map((x) => x / 255).map((x) => (x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4));
  const luminance = 0.2126 * r + 0.7152 * g + 0.0722 * b;
  return (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) ? '#000' : '#fff';
}

/* Where a value lies from worst (0) to best (1), or from far behind to far ahead of a difference of zero (½). */
function shareOf(x, values, around, higher) {
  const all = values.filter((one) => one !== null);
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const share = around
    ? 0.5 + x / Math.max(Math.abs(low), Math.abs(high), 1e-9) / 2
    : high > low
      ? (x - low) / (high - low)
      : 0.5;
  return higher ? share : 1 - share;
}

function heatValue(line, runs) {
  if (heat.what === 'score') return line.mean;
  return leads(
    line,
    runs.filter((run) => run.model === REFERENCE),
  );
}

function heatCell(line, shown, colour, digits) {
  if (!line) return el('td', { class: 'none' });
  const text = shown === null ? excuse(line) : heat.what === 'score' ? fixed(shown, digits) : signed(shown, digits);
  const lack = ['failed', 'missing']
    .filter((status) => line.counts[status])
    .map((status) => `${line.counts[status]} ${status}`)
    .join(', ');
  const background = shown === null ? null : colour(shown);
  const place = `${line.model}, budget ${budgetText(line.size)}, ${heat.columns === 'band' ? `band ${bandText(line.band)}` : 'mean over bands'}`;
  return el(
    'td',
    {},
    el(
      'button',
      {
        type: 'button',
        tabindex: '-1',
        class: shown === null ? 'heat without' : 'heat',
        style: background ? `background:rgb(${background});color:${inkOn(background)}` : null,
        title: `${place}: ${scoreText(line, state.metric)}${lack ? `; ${lack}` : ''}`,
        onclick: () => openTrials(line.runs),
      },
      text,
      lack && shown !== null ? el('small', {}, lack) : '',
    ),
  );
}

function drawHeatmap() {
  const runs = chosenRuns();
  const over = { size: ['budgets', current.sizes, budgetText], band: ['bands', current.bands, bandText] };
  if (heat.columns === 'band' && current.bands.length < 2) heat.columns = 'size';
  if (!current.models.includes(REFERENCE)) heat.what = 'score';
  const [, values, text] = over[heat.columns];
  const views =
    current.bands.length > 1
      ? [
          ['size', 'over budgets'],
          ['band', 'over bands'],
        ]
      : [['size', 'over budgets']];
  const whats = current.models.includes(REFERENCE)
    ? [
        ['score', 'score'],
        ['lead', `difference to ${REFERENCE}`],
      ]
    : [];
  segments(byId('heatmap-views'), views, heat.columns, (columns) => {
    heat.columns = columns;
    drawHeatmap();
  });
  segments(byId('heatmap-what'), whats, heat.what, (what) => {
    heat.what = what;
    drawHeatmap();
  });

  const everyRun =
    heat.columns === 'band' && runs.length
      ? current.runs.filter(
          (run) =>
            state.models.has(run.model) &&
            state.sizes.has(run.size) &&
            (state.item === '' || run.item === state.item),
        )
      : runs;
  const lines = aggregate(everyRun, (run) => `${run.model}\u0000${run[heat.columns]}`);
  const columns = values.filter((one) => lines.some((line) => line[heat.columns] === one));
  const models = current.models.filter((model) => lines.some((line) => line.model === model));
  if (!models.length) return byId('heatmap').replaceChildren(el('p', { class: 'empty' }, 'Nothing is chosen.'));
  const shown = new Map(lines.map((line) => [line, heatValue(line, everyRun)]));
  const { digits, higher, name, unit } = metricInfo(state.metric);
  const lead = heat.what === 'lead';
  const colour = (x) => colourAt(lead ? RED_BLUE : VIRIDIS, shareOf(x, [...shown.values()], lead, higher));
  const body = models.map((model) =>
    el(
      'tr',
      {},
      el('th', { scope: 'row' }, dot(model), model),
      columns.map((one) => {
        const line = lines.find((l) => l.model === model && l[heat.columns] === one);
        return heatCell(line, line ? shown.get(line) : null, colour, digits);
      }),
    ),
  );
  const table = el(
    'table',
    { class: 'heatmap', onkeydown: moveInHeatmap },
    el('caption', { class: 'hidden' }, `${name} of models over ${over[heat.columns][0]}`),
    el(
      'thead',
      {},
      el(
        'tr',
        {},
        el('th', { scope: 'col' }, `${heat.what === 'lead' ? 'Δ ' : ''}${name}${unit ? ` (${unit})` : ''}`),
        columns.map((one) => el('th', { scope: 'col' }, text(one))),
      ),
    ),
    el('tbody', {}, body),
  );
  table.querySelector('button.heat')?.setAttribute('tabindex', '0');
  return byId('heatmap').replaceChildren(table);
}

function moveInHeatmap(event) {
  const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
  const cell = event.target.closest('td');
  if (!step || !cell) return;
  const next = cell
    .closest('tbody')
    .rows[cell.parentNode.rowIndex - 1 + step[0]]?.cells[cell.cellIndex + step[1]]?.querySelector('button');
  if (!next) return;
  event.preventDefault();
  event.target.setAttribute('tabindex', '-1');
  next.setAttribute('tabindex', '0');
  next.focus();
}
