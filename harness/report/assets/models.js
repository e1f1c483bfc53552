/* A section for each model: what it is, from which paper, its settings, all its results, and these as a file. */

function settingsTable(model) {
  const rows = rowsOf.flat().filter((row) => value('model', row) === model && value('settings', row));
  const found = new Map();
  for (const row of rows)
    for (const [name, x] of settingsOf(row)) found.set(name, new Set([...(found.get(name) ?? []), shortened(x)]));
  const meanings = DATA.about[model]?.settings ?? {};
  if (!found.size) return el('p', { class: 'hint' }, 'No row names its settings.');
  return el(
    'dl',
    { class: 'settings' },
    [...found].map(([name, values]) =>
      el(
        'div',
        {},
        el('dt', {}, name),
        el('dd', {}, [...values].join(', '), meanings[name] ? el('small', {}, ` ${meanings[name]}`) : ''),
      ),
    ),
  );
}

/* What a search found has 17 digits; a trial's own page has them all. */
const shortened = (text) => (/^-?\d+\.\d{5,}$/.test(text) ? String(Number(Number(text).toPrecision(4))) : text);

/* Its mean and rank in every experiment, over all bands and items, at each budget. */
function resultsTable(model) {
  const sizes = distinct(rowsOf.flat().map((row) => value('size', row))).sort(byNumber);
  const rows = EXPERIMENTS.map((e, i) => {
    const metric = e.metrics[0];
    const band = e.bands.length === 1 ? e.bands[0] : e.rings ? WHOLE : ALL;
    const { name, unit, digits } = metricInfo(metric, band === ALL);
    const every = scoredLines(i, metric).filter((line) => line.item === ALL && line.band === band);
    const lines = every.filter((line) => line.model === model);
    if (!lines.length) return null;
    return el(
      'tr',
      {},
      el('th', { scope: 'row' }, presetMark(e), `${signalText(e)}, ${taskText(e.task)} `, el('small', {}, `${name}${unit ? ` (${unit})` : ''}`)),
      sizes.map((size) => {
        const line = lines.find((one) => one.size === size);
        if (!line) return el('td', { class: 'none' });
        const ranked = every.filter((one) => one.size === size && one.rank !== null);
        const rank = line.rank === null ? '' : `rank ${line.rank} of ${ranked.length}`;
        return el(
          'td',
          { class: 'number' },
          trialsLink(line, line.mean === null ? excuse(line) : fixed(line.mean, digits) + ofText(line)),
          rank ? el('small', { class: 'under' }, rank) : '',
        );
      }),
    );
  });
  const heads = [el('th', { scope: 'col' }, 'Experiment'), budgetHeads(sizes)];
  const table = tableOf({}, hiddenCaption(`All results of ${model}`), heads, rows.filter(Boolean));
  return el('div', { class: 'scroll' }, table);
}

function modelSection(model) {
  const about = DATA.about[model];
  const fill = (section) => {
    const rows = rowsOf.flat().filter((row) => value('model', row) === model);
    const file = `${model.replace(/[^\w.-]/g, '-')}.csv`;
    section.append(
      about ? el('p', {}, about.text) : el('p', { class: 'hint' }, 'A model of a file of its own.'),
      about?.paper ? el('p', {}, el('b', {}, 'Source: '), about.paper) : '',
      el('h3', {}, 'Settings'),
      settingsTable(model),
      el('h3', {}, 'Results'),
      resultsTable(model),
      el('p', { class: 'tools' }, csvButton(`CSV of its ${plural(rows.length, 'trial')}`, file, () => toCsv(rows))),
    );
  };
  const what = ` ${isYardstick(model) ? '† yardstick, not trained' : 'trained'}${about ? `; ${about.title}` : ''}`;
  return foldedPart([dot(model), model, el('small', {}, what)], fill);
}

const drawModels = () => byId('model-sections').replaceChildren(...MODELS.map(modelSection));
