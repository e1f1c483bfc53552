/* Means over runs, as harness/analysis/means.py makes them. */

/* The runs that agree in a key, as lines: {runs, model, size, band, mean, spread, counts, …}. */
function aggregate(runs, key) {
  const groups = new Map();
  for (const run of runs) {
    const name = key(run);
    if (!groups.has(name)) groups.set(name, []);
    groups.get(name).push(run);
  }
  return [...groups.values()].map(summarise);
}

/* mean: over bands and budgets of the mean over draws. spread: the draws' deviation within them, pooled. */
function summarise(runs) {
  const places = new Map();
  const counts = { ok: 0, failed: 0, unsupported: 0, missing: 0 };
  for (const run of runs) {
    counts[run.status in counts ? run.status : 'failed'] += 1;
    if (!known(run.score)) continue;
    const place = `${run.model}\u0000${run.size}\u0000${run.band}`;
    if (!places.has(place)) places.set(place, []);
    places.get(place).push(run.score);
  }
  const all = [...places.values()];
  const variances = all.filter((draws) => draws.length > 1).map(variance);
  const ok = runs.filter((run) => run.status === 'ok');
  return {
    runs,
    counts,
    places: all.length,
    mean: all.length ? average(all.map(average)) : null,
    spread: variances.length ? Math.sqrt(average(variances)) : null,
    seeds: distinct(ok.map((run) => run.seed)).length,
    items: distinct(ok.map((run) => run.item)).length,
    model: runs[0].model,
    size: runs[0].size,
    band: runs[0].band,
  };
}

const average = (values) => values.reduce((sum, x) => sum + x, 0) / values.length;

function variance(values) {
  const mean = average(values);
  return values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (values.length - 1);
}

/* The mean of a column over the runs that ended well. */
function meanOf(line, name) {
  const values = line.runs
    .filter((run) => run.status === 'ok' && !run.ring)
    .map((run) => value(name, run.row))
    .filter(known);
  const any = values.length
    ? values
    : line.runs
        .filter((run) => run.status === 'ok')
        .map((run) => value(name, run.row))
        .filter(known);
  return any.length ? average(any) : null;
}

/* How far a line is ahead of another model over the budgets, bands and draws that both have a score of. */
function leads(line, reference) {
  const key = (run) => `${run.size}\u0000${run.band}\u0000${run.draw}`;
  const scores = new Map(reference.filter((run) => known(run.score)).map((run) => [key(run), run.score]));
  const differences = line.runs
    .filter((run) => known(run.score) && scores.has(key(run)))
    .map((run) => run.score - scores.get(key(run)));
  return differences.length ? average(differences) : null;
}

/* What stands in place of a mean where there is none. */
function excuse(line) {
  if (line.counts.unsupported) return 'unsupported';
  if (line.counts.failed) return 'failed';
  if (line.counts.ok) return 'no score';
  return 'missing';
}

/* `2 failed, 1 missing` of the runs that do not enter a mean, as small marks. */
function lacking(line) {
  return ['failed', 'unsupported', 'missing']
    .filter((status) => line.counts[status])
    .map((status) => el('span', { class: `mark ${status}` }, `${line.counts[status]} ${status}`));
}

function scoreText(line, metric) {
  if (line.mean === null) return excuse(line);
  const { digits } = metricInfo(metric);
  return fixed(line.mean, digits) + (line.spread === null ? '' : ` ± ${fixed(line.spread, digits)}`);
}
