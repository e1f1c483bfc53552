/* Lines of the leaderboard with what depends on others: rank, distance to the best, the paper's score. */

function rankedLines(runs) {
  const lines = aggregate(runs, GROUPS[board.by][1]);
  const arenas = new Map();
  for (const line of lines) {
    line.arena = { model: '', size: `${line.size}`, band: `${line.size}\u0000${line.band}` }[board.by];
    if (line.mean !== null)
      arenas.set(line.arena, [...(arenas.get(line.arena) ?? []), line].sort(better(state.metric)));
  }
  for (const line of lines) {
    const arena = arenas.get(line.arena) ?? [];
    line.rank = line.mean === null ? null : 1 + arena.filter((other) => better(state.metric)(other, line) < 0).length;
    line.best = arena[0] ?? null;
    line.lead = leads(
      line,
      runs.filter((run) => run.model === REFERENCE),
    );
    line.fewer = line.places < Math.max(...arena.map((other) => other.places));
    line.published = publishedFor(line);
  }
  const places = [...lines].sort(
    (a, b) =>
      (board.by === 'model' ? 0 : a.size - b.size) ||
      (board.by === 'band' ? byBand(a.band, b.band) : 0) ||
      (a.rank ?? Infinity) - (b.rank ?? Infinity) ||
      byModel(a.model, b.model),
  );
  places.forEach((line, i) => {
    line.place = i;
    line.kind = i && places[i - 1].arena !== line.arena ? 'first' : '';
  });
  return lines;
}

/* The paper's cell that a line of whole budgets may stand beside. */
function publishedFor(line) {
  if (board.by !== 'size' || !defaultBands().every((band) => state.bands.has(band))) return null;
  const [base] = state.metric.split('_');
  const item = state.item || (current.items.length === 1 ? current.items[0] : null);
  if (state.metric !== base + DATA.tasks[EXPERIMENTS[state.experiment].task].paper_suffix) return null;
  return (
    EXPERIMENTS[state.experiment].published.find(
      (cell) =>
        cell.model === line.model &&
        cell.size === line.size &&
        cell.metric === base &&
        (cell.item === item || (cell.item === null && state.item === '')),
    ) ?? null
  );
}

/* `−2.1, p < .001` against the best of the same budget; the p where the tests saw the same draws. */
function distance(line) {
  const { digits } = metricInfo(state.metric);
  if (line.mean === null || !line.best) return '';
  if (line.best === line) return el('b', {}, 'best');
  const text = signed(line.mean - line.best.mean, digits);
  if (board.by === 'band' || !chosenWhole()) return text;
  const base = state.metric === 'gain' ? 'psnr' : state.metric;
  const p = adjustedP(state.experiment, base, board.by === 'model' ? 'all' : line.size, line.model, line.best.model);
  if (p === null) return text;
  return [
    text,
    el(
      'small',
      { class: p < 0.05 ? 'faint' : 'unsure', title: p < 0.05 ? '' : 'not told apart from the best' },
      ` ${pText(p)}`,
    ),
  ];
}
