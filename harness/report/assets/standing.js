/* Lines of the leaderboard in their order, with what stands beside them: the paper's score. */

/* By budget and band, then by rank; behind these what is not ranked, by its score. */
function rankedLines(lines) {
  const sign = metricInfo(state.metric).higher ? -1 : 1;
  const byScore = (a, b) => (a.mean === null) - (b.mean === null) || sign * (a.mean - b.mean);
  const bands = [ALL, ...current.bands];
  const places = lines.map((line) => ({ ...line, published: publishedFor(line) }));
  places.sort(
    (a, b) =>
      a.size - b.size ||
      bands.indexOf(a.band) - bands.indexOf(b.band) ||
      (a.rank ?? Infinity) - (b.rank ?? Infinity) ||
      byScore(a, b) ||
      byModel(a.model, b.model),
  );
  places.forEach((line, i) => {
    line.place = i;
    line.kind = i && (places[i - 1].size !== line.size || places[i - 1].band !== line.band) ? 'first' : '';
  });
  return places;
}

/* The paper's cell that a line over all bands may stand beside. */
function publishedFor(line) {
  if (line.band !== defaultBand()) return null;
  const { base } = metricInfo(state.metric);
  const item = state.item || (current.items.length === 1 ? current.items[0] : null);
  if (state.metric !== base + DATA.tasks[EXPERIMENTS[state.experiment].task].paper_suffix) return null;
  return (
    EXPERIMENTS[state.experiment].published.find(
      (cell) =>
        cell.model === line.model &&
        cell.size === line.size &&
        cell.metric === base &&
        (cell.item === item || (cell.item === null && state.item === ALL)),
    ) ?? null
  );
}

/* A line's rank; in its place the sign of a yardstick, or of a line that lacks cases which others have. */
function rankCell(line) {
  if (line.rank !== null) return line.rank;
  if (line.mean === null) return '';
  if (isYardstick(line.model)) return el('span', { title: 'a yardstick: not trained, and ranked apart' }, '†');
  return el(
    'span',
    { class: 'unsure', title: 'does not compete: its runs failed or are missing where others have some' },
    '!',
  );
}

/* Of the best trained model whether it wins, of the others how far they are from it. */
function toBestCell(line) {
  if (line.rank !== 1) return differenceCell(line.best, metricInfo(state.metric).digits);
  const place = line.item === ALL ? bestAt(state.experiment, state.metric, line.band, line.size) : null;
  if (place?.verdict === 'win') return el('b', {}, 'wins');
  return el('i', { title: place?.told }, place?.verdict === 'tie' ? 'best, tied' : 'best');
}
