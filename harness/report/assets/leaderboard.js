/* The leaderboard: one line a model and budget (or a model, or a band), with everything that bears on its score. */

const board = { by: 'size', sorting: { key: 'place', down: false } };
const GROUPS = {
  model: ['model', (run) => run.model],
  size: ['model and budget', (run) => `${run.model}\u0000${run.size}`],
  band: ['model, budget and band', (run) => `${run.model}\u0000${run.size}\u0000${run.band}`],
};

function boardColumns(lines) {
  const { digits, name, unit, base } = metricInfo(state.metric);
  const best = base && !state.metric.includes('_') && metricsOf(state.experiment).includes(`${base}_best`);
  const columns = [
    {
      key: 'place',
      title: '#',
      note: 'Rank among the lines of the same budget and band; sorts back to the first order',
      number: true,
      value: (l) => l.place,
      cell: (l) => l.rank ?? '',
    },
    {
      key: 'model',
      title: 'Model',
      rowHead: true,
      value: (l) => MODELS.indexOf(l.model),
      cell: (l) => [dot(l.model), openButton(l, l.model), kindOf(l)],
    },
  ];
  if (board.by !== 'model')
    columns.push({
      key: 'size',
      title: 'Budget',
      number: true,
      value: (l) => l.size,
      cell: (l) => budgetText(l.size),
    });
  if (board.by === 'band')
    columns.push({
      key: 'band',
      title: 'Band',
      number: true,
      value: (l) => (l.band === WHOLE ? 2 : Number(l.band)),
      cell: (l) => bandText(l.band),
    });
  columns.push(
    {
      key: 'mean',
      title: unit ? `${name} (${unit})` : name,
      note: 'mean ± standard deviation over items and seeds',
      number: true,
      value: (l) => l.mean,
      cell: (l) => [
        scoreText(l, state.metric),
        l.fewer && l.mean !== null
          ? el('sup', { title: 'over fewer bands or budgets than others: not comparable' }, '!')
          : '',
      ],
    },
    {
      key: 'runs',
      title: 'Trials',
      note: 'that ended well, and what did not',
      value: (l) => l.counts.ok,
      cell: (l) => [
        `${l.counts.ok} ok`,
        l.seeds > 1 ? `, ${l.seeds} seeds` : '',
        l.items > 1 ? `, ${l.items} items` : '',
        ' ',
        lacking(l),
      ],
    },
    {
      key: 'distance',
      title: 'To the best',
      note: 'difference to the best line of the same budget, and Holm-adjusted p of the paired test',
      number: true,
      value: (l) => (l.mean === null || !l.best ? null : l.mean - l.best.mean),
      cell: distance,
    },
  );
  if (current.models.includes(REFERENCE))
    columns.push({
      key: 'lead',
      title: `To ${REFERENCE}`,
      note: 'mean difference over shared draws',
      number: true,
      value: (l) => (l.model === REFERENCE ? null : l.lead),
      cell: (l) => (l.lead === null || l.model === REFERENCE ? '' : signed(l.lead, digits)),
    });
  if (best)
    columns.push({
      key: 'best',
      title: 'Best evaluation',
      note: 'at the evaluation with the least training error',
      number: true,
      value: (l) => meanOf(l, `${base}_best`),
      cell: (l) =>
        meanOf(l, `${base}_best`) === null || (l.band !== WHOLE && current.runs.some((run) => run.ring))
          ? ''
          : fixed(meanOf(l, `${base}_best`), digits),
    });
  if (lines.some((line) => line.published))
    columns.push(
      {
        key: 'published',
        title: 'Published',
        note: 'the paper’s score',
        number: true,
        value: (l) => l.published?.published,
        cell: (l) => (l.published ? fixed(l.published.published, digits + 1) : ''),
      },
      {
        key: 'difference',
        title: 'Ours − theirs',
        number: true,
        value: (l) => l.published?.difference,
        cell: (l) => (l.published ? signed(l.published.difference, digits + 1) : ''),
      },
    );
  columns.push(
    {
      key: 'seconds',
      title: 'Training',
      note: 'mean seconds of training alone',
      number: true,
      value: (l) => meanOf(l, 'seconds'),
      cell: (l) => secondsText(meanOf(l, 'seconds')),
    },
    {
      key: 'parameters',
      title: 'Parameters',
      note: 'trainable real values the model really has',
      number: true,
      value: (l) => meanOf(l, 'parameters'),
      cell: (l) => (board.by === 'model' || meanOf(l, 'parameters') === null ? '' : whole(meanOf(l, 'parameters'))),
    },
    {
      key: 'memory',
      title: 'Peak memory',
      number: true,
      value: (l) => meanOf(l, 'peak_memory_bytes'),
      cell: (l) => bytesText(meanOf(l, 'peak_memory_bytes')),
    },
  );
  return columns;
}

/* What is not trained says so: classical models are solved. */
function kindOf(line) {
  const label = value('label', line.runs[0].row);
  return label === null || label === 'learned' ? '' : el('small', {}, ` ${label}`);
}

const openButton = (line, text) =>
  el(
    'button',
    { type: 'button', class: 'link', title: 'see its trials', onclick: () => openTrials(line.runs) },
    text,
  );

function drawLeaderboard() {
  segments(
    byId('leaderboard-views'),
    Object.entries(GROUPS)
      .filter(([name]) => name !== 'band' || current.bands.length > 1)
      .map(([name, [text]]) => [name, text]),
    board.by,
    (by) => {
      board.by = by;
      board.sorting = { key: 'place', down: false };
      drawLeaderboard();
    },
  );
  if (board.by === 'band' && current.bands.length < 2) board.by = 'size';
  const lines = rankedLines(chosenRuns());
  const place = byId('leaderboard');
  if (!lines.length)
    return place.replaceChildren(
      el('p', { class: 'empty' }, 'Nothing is chosen: tick a model, a budget and a band above.'),
    );
  return showSorted(place, 'Leaderboard', boardColumns(lines), lines, board.sorting);
}
