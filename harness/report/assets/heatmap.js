/* Models × budgets or bands, coloured; every cell opens its trials. Arrow keys move between cells. */

const heat = { columns: 'size', what: 'score', size: null };
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

/* Where a value lies from worst (0) to best (1). */
function shareOf(x, [low, high], higher) {
  const share = high > low ? (x - low) / (high - low) : 0.5;
  return higher ? share : 1 - share;
}

/* The range of a scale for these lines: where the trained models differ, as harness/analysis/frame.py has it; of one
   item or of differences from the least to the greatest of the trained models; a difference between scores of which one
   is lossless says little, and would leave the others no colour. */
function frameOf(lines, of) {
  const frames = EXPERIMENTS[state.experiment].frames[state.metric] ?? {};
  const own = distinct(lines.map((line) => line.band)).map((band) => frames[band] ?? null);
  if (state.item === ALL && of === 'mean' && own.length && own.every(Boolean))
    return [Math.min(...own.map(([low]) => low)), Math.max(...own.map(([, high]) => high))];
  const trained = lines.filter((line) => !isYardstick(line.model) || lines.every((one) => isYardstick(one.model)));
  if (of === 'mean') return rangeOf(trained.map((line) => line.mean).filter(known));
  const led = trained.filter((line) => line.baseline);
  const plain = led.filter(({ mean, baseline }) => Math.max(mean, mean - baseline[0]) <= DATA.lossless);
  const most = Math.max(...rangeOf((plain.length ? plain : led).map((line) => line.baseline[0])).map(Math.abs));
  return [-most, most];
}

const rangeOf = (values) => (values.length ? [Math.min(...values), Math.max(...values)] : [0, 1]);

/* The range of a chart's axis for these lines: of all models, where `frameOf` has the trained ones alone. A few values
   that lie far from the others are left outside; none of one item is. */
function axisOf(lines) {
  const { frames, axes } = EXPERIMENTS[state.experiment];
  const bands = state.item === ALL ? distinct(lines.map((line) => line.band)) : [];
  const ranges = bands.flatMap((band) => [frames, axes].map((all) => all[state.metric]?.[band])).filter(Boolean);
  return rangeOf(ranges.length ? ranges.flat() : lines.map((line) => line.mean).filter(known));
}

/* What leaves the frame: `above`, `below` or nothing. */
const beyond = (x, [low, high]) => (x > high + 1e-9 ? 'above' : x < low - 1e-9 ? 'below' : null);

/* The one budget at which views over bands are drawn: the largest that is chosen, unless another one is. */
const bandSize = () => (state.sizes.has(heat.size) ? heat.size : Math.max(...state.sizes));
const linesOverBands = () => current.bands.flatMap(linesAt).filter((line) => line.size === bandSize());

const heatValue = (line) => (heat.what === 'score' ? line.mean : (line.baseline?.[0] ?? null));

function heatCell(line, shown, colour, digits, frame) {
  if (!line) return el('td', { class: 'none' });
  const text =
    shown !== null
      ? (heat.what === 'score' ? fixed : signed)(shown, digits)
      : heat.what === 'lead' && line.mean !== null
        ? line.model === BASELINE
          ? '0'
          : 'lacks cases'
        : excuse(line);
  const lack = ['failed', 'missing']
    .filter((status) => line.counts[status] && (line.of || line.mean === null))
    .map((status) => `${line.counts[status]} ${status}`)
    .join(', ');
  const background = shown === null ? null : colour(shown);
  const place = `${line.model}, budget ${budgetText(line.size)}, ${bandText(line.band)}`;
  const away = shown === null ? null : beyond(shown, frame);
  const first = line.rank === 1 ? '; the best trained model here' : '';
  return el(
    'td',
    {},
    el(
      'button',
      {
        type: 'button',
        tabindex: '-1',
        class: shown === null ? 'heat without' : line.rank === 1 ? 'heat first' : 'heat',
        style: background ? `background:rgb(${background});color:${inkOn(background)}` : null,
        title: `${place}: ${scoreText(line, state.metric)}${lack ? `; ${lack}` : ''}${first}`,
        onclick: () => openTrials(rowsOfLine(line)),
      },
      text,
      away ? el('span', { class: 'away', title: `${away} the scale of the colours` }, away === 'above' ? ' ▲' : ' ▼') : '',
      lack && shown !== null ? el('small', {}, lack) : '',
    ),
  );
}

function drawHeatmap() {
  const over = { size: ['budgets', current.sizes, budgetText], band: ['bands', current.bands, bandText] };
  if (heat.columns === 'band' && current.bands.length < 2) heat.columns = 'size';
  if (!current.models.includes(BASELINE)) heat.what = 'score';
  const [, values, text] = over[heat.columns];
  const views = current.bands.length > 1 ? Object.keys(over).map((name) => [name, `over ${over[name][0]}`]) : [];
  const whats = current.models.includes(BASELINE)
    ? [
        ['score', 'score'],
        ['lead', `difference to ${BASELINE}`],
      ]
    : [];
  const sizes = heat.columns === 'band' ? current.sizes.filter((size) => state.sizes.has(size)) : [];
  const choose = (name) => (chosen) => {
    heat[name] = chosen;
    drawHeatmap();
    if (name === 'size') refreshCharts();
  };
  segments(byId('heatmap-views'), views, heat.columns, choose('columns'));
  segments(byId('heatmap-what'), whats, heat.what, choose('what'));
  segments(
    byId('heatmap-sizes'),
    sizes.map((size) => [size, budgetText(size)]),
    bandSize(),
    choose('size'),
  );
  const lines = heat.columns === 'band' ? linesOverBands() : chosenLines();
  const columns = values.filter((one) => lines.some((line) => line[heat.columns] === one));
  const models = current.models.filter((model) => lines.some((line) => line.model === model));
  if (!models.length) return byId('heatmap').replaceChildren(el('p', { class: 'empty' }, 'Nothing is chosen.'));
  const { digits, higher, name, unit } = metricInfo(state.metric, heat.columns === 'size' && isPooled());
  const lead = heat.what === 'lead';
  const frame = frameOf(lines, lead ? 'baseline' : 'mean');
  const colour = (x) => colourAt(lead ? RED_BLUE : VIRIDIS, shareOf(x, frame, higher));
  const body = models.map((model) => {
    const cells = columns.map((one) => {
      const line = lines.find((l) => l.model === model && l[heat.columns] === one);
      return heatCell(line, line ? heatValue(line) : null, colour, digits, frame);
    });
    return modelRow(model, cells);
  });
  const heads = [
    el('th', { scope: 'col' }, `${lead ? 'Δ ' : ''}${name}${unit ? ` (${unit})` : ''}`),
    columns.map((one) => el('th', { scope: 'col' }, text(one))),
  ];
  const caption = hiddenCaption(`${name} of models over ${over[heat.columns][0]}`);
  const table = tableOf({ class: 'heatmap', onkeydown: moveInHeatmap }, caption, heads, body);
  table.querySelector('button.heat')?.setAttribute('tabindex', '0');
  const marked = table.querySelector('.away');
  const from = lead ? ` from ${BASELINE}, lossless scores aside` : '';
  const note = `Colours run from ${fixed(frame[0], digits)} to ${fixed(frame[1], digits)}, over which the trained models differ${from}; ▲ and ▼ lie beyond.`;
  return byId('heatmap').replaceChildren(table, marked ? el('p', { class: 'hint' }, note) : '');
}

function moveInHeatmap(event) {
  const next = moveBetween(event, 'button');
  if (!next) return;
  event.target.setAttribute('tabindex', '-1');
  next.setAttribute('tabindex', '0');
}
