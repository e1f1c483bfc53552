/* The leaderboard: one line a model and budget, or a model, budget and band, with everything that bears on its score. */

const board = { by: 'size', sorting: { key: 'place', down: false } };
const GROUPS = { size: 'model and budget', band: 'model, budget and band' };

function boardColumns(lines) {
  const { digits, name, unit, base, note, meaning } = metricInfo(state.metric, board.by === 'size' && isPooled());
  const bestOf = `${base}_best`;
  const best = DATA.metrics[state.metric] && EXPERIMENTS[state.experiment].metrics.includes(bestOf);
  const atBest = best ? EXPERIMENTS[state.experiment].scores[bestOf].mean : [];
  const columns = [
    {
      key: 'place',
      title: '#',
      note: 'Rank among the trained models of the same budget and band, † a yardstick, which is not trained; sorts back to the first order',
      number: true,
      value: (l) => l.place,
      cell: rankCell,
    },
    {
      key: 'model',
      title: 'Model',
      rowHead: true,
      value: (l) => MODELS.indexOf(l.model),
      cell: (l) => [dot(l.model), trialsLink(l, nameOf(l.model))],
    },
    { key: 'size', title: 'Budget', number: true, value: (l) => l.size, cell: (l) => budgetText(l.size) },
  ];
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
      note: `${meaning}${note ? `; ${note}` : ''}; mean ± standard deviation over items, signals and seeds`,
      number: true,
      value: (l) => l.mean,
      cell: (l) => scoreText(l, state.metric),
    },
    {
      key: 'runs',
      title: 'Trials',
      note: 'that ended well, and what did not',
      value: (l) => l.counts.ok,
      cell: (l) => [
        l.counts.ok ? `${l.counts.ok} ok` : '',
        l.signals > 1 ? `, ${l.signals} signals` : '',
        l.seeds > 1 ? `, ${l.seeds} seeds` : '',
        l.items > 1 ? `, ${l.items} items` : '',
        ' ',
        lacking(l),
      ],
    },
    {
      key: 'distance',
      title: 'To the best',
      note: 'difference to the best trained model of the same budget and band, with its 95 % interval',
      number: true,
      value: (l) => (l.rank === 1 ? 0 : (l.best?.[0] ?? null)),
      cell: toBestCell,
    },
  );
  if (current.models.includes(BASELINE))
    columns.push({
      key: 'lead',
      title: `To ${BASELINE}`,
      note: 'difference over all its cases, with its 95 % interval',
      number: true,
      value: (l) => l.baseline?.[0] ?? null,
      cell: (l) => differenceCell(l.baseline, digits),
    });
  if (best)
    columns.push({
      key: 'best',
      title: 'Best evaluation',
      note: 'at the evaluation that scores best on what is trained on',
      number: true,
      value: (l) => atBest[l.at],
      cell: (l) => (known(atBest[l.at]) ? fixed(atBest[l.at], digits) : ''),
    });
  const published = lines.find((line) => line.published)?.published;
  if (published) {
    const ofBest = published.which === 'best';
    columns.push(
      {
        key: 'published',
        title: ofBest ? 'Published best' : 'Published',
        note: `the paper’s score ${ofBest ? 'at its best evaluation' : 'after the last update'}`,
        number: true,
        value: (l) => l.published?.published,
        cell: (l) => (l.published ? fixed(l.published.published, digits + 1) : ''),
      },
      {
        key: 'difference',
        title: ofBest ? 'Our best − theirs' : 'Ours − theirs',
        note: 'both at the evaluation that the paper published',
        number: true,
        value: (l) => l.published?.difference,
        cell: (l) => (known(l.published?.difference) ? signed(l.published.difference, digits + 1) : ''),
      },
    );
  }
  columns.push(
    {
      key: 'seconds',
      title: 'Training',
      note: 'mean seconds of training alone',
      number: true,
      value: (l) => l.seconds,
      cell: (l) => secondsText(l.seconds),
    },
    {
      key: 'parameters',
      title: 'Parameters',
      note: 'trainable real values the model really has',
      number: true,
      value: (l) => l.parameters,
      cell: (l) => (known(l.parameters) ? whole(l.parameters) : ''),
    },
    {
      key: 'memory',
      title: 'Peak memory',
      number: true,
      value: (l) => l.peak_memory_bytes,
      cell: (l) => bytesText(l.peak_memory_bytes),
    },
  );
  return columns;
}

const trialsLink = (line, text) => linkButton('see its trials', () => openTrials(rowsOfLine(line)), text);

function drawLeaderboard() {
  const byBand = isPooled() || (EXPERIMENTS[state.experiment].rings && state.band === WHOLE);
  if (!byBand) board.by = 'size';
  segments(byId('leaderboard-views'), byBand ? Object.entries(GROUPS) : [], board.by, (by) => {
    board.by = by;
    board.sorting = { key: 'place', down: false };
    drawLeaderboard();
  });
  const lines = rankedLines(board.by === 'band' ? current.bands.flatMap(linesAt) : chosenLines());
  const place = byId('leaderboard');
  if (!lines.length)
    return place.replaceChildren(el('p', { class: 'empty' }, 'Nothing is chosen: tick a model and a budget above.'));
  showSorted(place, 'Leaderboard', boardColumns(lines), lines, board.sorting);
  const bands = board.by === 'band' ? current.bands : [state.band];
  const sizes = current.sizes.filter((size) => state.sizes.has(size));
  const leftOut = state.item === ALL ? leftOutOf(state.experiment, state.metric, bands, sizes) : [];
  return byId('leaderboard-notes').replaceChildren(
    leftOutList([...leftOut, ...EXPERIMENTS[state.experiment].remarks]),
  );
}
