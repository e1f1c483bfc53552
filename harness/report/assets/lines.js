/* The lines: means with their spread, rank and differences, all of them computed by harness/report/lines.py. */

const lineCache = new Map();

/* An experiment's lines: {model, size, band, item, counts, items, signals, seeds, …}; band and item may be ALL.
   signals: null where each seed drew its own. */
function linesOf(experiment) {
  if (!lineCache.has(experiment)) {
    const { lines: columns, bands, items } = EXPERIMENTS[experiment];
    const made = columns.model.map((model, at) => {
      const [ok, failed, unsupported, missing] = columns.counts[at];
      const line = { at, experiment, model: MODELS[model], counts: { ok, failed, unsupported, missing } };
      for (const name of ['size', 'items', 'signals', 'seeds', 'seconds', 'parameters', 'peak_memory_bytes'])
        line[name] = columns[name]?.[at] ?? null;
      line.band = [ALL, ...bands][columns.band[at]];
      line.item = [ALL, ...items][columns.item[at]];
      return line;
    });
    lineCache.set(experiment, made);
  }
  return lineCache.get(experiment);
}

/* Those lines with their numbers by one metric: mean, spread, of, rank; best and baseline, which are
   [difference, reach of its 95 % interval to either side, p], of one replicate [difference]. */
function scoredLines(experiment, metric) {
  const columns = EXPERIMENTS[experiment].scores[metric];
  return linesOf(experiment).map((line) => {
    const own = { ...line };
    for (const name of ['mean', 'spread', 'rank', 'best', 'baseline']) own[name] = columns[name][line.at];
    own.of = columns.of?.[line.at] ?? null;
    return own;
  });
}

/* The rows behind a line. A ring has those of the whole signal. */
function rowsOfLine(line) {
  const anyBand = line.band === ALL || EXPERIMENTS[line.experiment].rings;
  return rowsOf[line.experiment].filter(
    (row) =>
      value('status', row) !== 'older' &&
      value('model', row) === line.model &&
      value('size', row) === line.size &&
      (anyBand || bandKey(value('bandlimit', row)) === line.band) &&
      (line.item === ALL || value('item', row) === line.item),
  );
}

/* How a line's place was decided, over all items: {verdict}, and by PSNR who is the best. */
const bestAt = (experiment, metric, band, size) => EXPERIMENTS[experiment].best[metric]?.[band]?.[size] ?? null;

/* What is not compared at the budgets of some bands: [line], with the budgets where a line is not of all. */
function leftOutOf(experiment, metric, bands, sizes) {
  const places = bands.flatMap((band) => sizes.map((size) => [bestAt(experiment, metric, band, size), band, size]));
  const there = places.filter(([place]) => place);
  const texts = distinct(there.flatMap(([place]) => place.left_out ?? []));
  return texts.map((text) => {
    const own = there.filter(([place]) => place.left_out?.includes(text));
    if (own.length === there.length) return text;
    const names = own.map(([, band, size]) => budgetText(size) + (bands.length > 1 ? ` ${bandText(band)}` : ''));
    return `at ${names.join(', ')}: ${text}`;
  });
}

const leftOutList = (lines) => (lines.length ? listOf(lines, { class: 'left-out' }) : '');

/* A model as it is called where its rows may be those that come with the suite. */
const nameOf = (model) => (current.of_reference.includes(model) ? `${model} (reference)` : model);

const isYardstick = (model) => DATA.yardsticks.includes(model);

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

/* ` (9/10)` of a mean over fewer runs than are compared at its place. */
const ofText = (line) => (line.of ? ` (${line.of.join('/')})` : '');

function scoreText(line, metric) {
  if (line.mean === null) return excuse(line);
  const { digits } = metricInfo(metric);
  const spread = line.spread === null ? '' : ` ± ${fixed(line.spread, digits)}`;
  return fixed(line.mean, digits) + spread + ofText(line);
}

/* An end of an interval. What would read 0 and is not, has the digit that tells on which side of 0 it is. */
const endText = (x, digits) =>
  signed(x, Math.abs(x) < 0.5 * 10 ** -digits && Math.abs(x) >= 0.05 * 10 ** -digits ? digits + 1 : digits);
/* `[0.4, 2.0]`; nothing where one replicate leaves no interval. */
const intervalText = ([mean, reach], digits) =>
  known(reach) ? `[${endText(mean - reach, digits)}, ${endText(mean + reach, digits)}]` : '';
/* After the correction for all that are compared with the same model; a difference that reads 0 is none. */
const toldApart = ([mean, , p], digits) => known(p) && p < 0.05 && Math.abs(mean) >= 0.5 * 10 ** -digits;

/* `−2.1 [−3.0, −1.2]`, fainter where the two are not told apart. */
function differenceCell(against, digits) {
  if (against === null) return '';
  return [
    signed(against[0], digits),
    el('small', { class: toldApart(against, digits) ? 'faint' : 'unsure' }, ` ${intervalText(against, digits)}`),
  ];
}
