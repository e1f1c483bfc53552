/* What is chosen, the controls that choose it, and the address that remembers it. */

const state = { experiment: 0, metric: 'psnr', models: new Set(), sizes: new Set(), band: ALL, item: ALL };
let current = { lines: [], models: [], of_reference: [], sizes: [], bands: [], items: [] };

const linesAt = (band) =>
  current.lines.filter(
    (line) =>
      line.band === band && line.item === state.item && state.models.has(line.model) && state.sizes.has(line.size),
  );
const chosenLines = () => linesAt(state.band);

/* The rows of what is chosen; those of a signal with rings are of all of them. */
const chosenRows = () =>
  rowsOf[state.experiment].filter(
    (row) =>
      state.models.has(value('model', row)) &&
      state.sizes.has(value('size', row)) &&
      (state.band === ALL ||
        EXPERIMENTS[state.experiment].rings ||
        bandKey(value('bandlimit', row)) === state.band) &&
      (state.item === ALL || value('item', row) === state.item),
  );

/* Whether what is chosen is a mean over bands. */
const isPooled = () => state.band === ALL && current.bands.length > 1;
const chosenMetric = () => metricInfo(state.metric, isPooled());

/* All bands together; of rings, which are parts of one score, the whole signal. */
function defaultBand() {
  if (current.bands.length === 1) return current.bands[0];
  return EXPERIMENTS[state.experiment].rings ? WHOLE : ALL;
}

function load(experiment, metric) {
  const e = EXPERIMENTS[experiment];
  const before = state.experiment === experiment && current.lines.length ? current : null;
  state.experiment = experiment;
  state.metric = e.metrics.includes(metric) ? metric : e.metrics[0];
  const lines = scoredLines(experiment, state.metric);
  current = {
    lines,
    models: distinct(lines.map((line) => line.model)).sort(byModel),
    of_reference: e.of_reference,
    sizes: distinct(lines.map((line) => line.size)).sort(byNumber),
    bands: e.bands,
    items: e.items,
  };
  if (before) return;
  const [models, sizes] = [new Set(current.models), new Set(current.sizes)];
  Object.assign(state, { models, sizes, band: defaultBand(), item: ALL });
}

/* The address: short enough to send, and only what differs from everything. keys: of trials that are open. */
function remember(keys) {
  const parts = new URLSearchParams({ e: experimentId(EXPERIMENTS[state.experiment]), m: state.metric });
  for (const [name, all] of [
    ['models', current.models],
    ['sizes', current.sizes],
  ]) {
    const chosen = [...state[name]];
    if (chosen.length !== all.length) for (const one of chosen) parts.append(name, one);
  }
  if (state.band !== defaultBand()) parts.set('band', state.band);
  if (state.item !== ALL) parts.set('item', state.item);
  for (const key of keys) parts.append('trial', key);
  history.replaceState(null, '', `#${parts}`);
}

/* Take over what an address says; gives the keys of the trials and the place [band, budget] that it opens. */
function recall() {
  const parts = new URLSearchParams(location.hash.slice(1));
  const experiment = EXPERIMENTS.findIndex((one) => experimentId(one) === parts.get('e'));
  load(Math.max(0, experiment), parts.get('m') ?? 'psnr');
  for (const [name, all] of [
    ['models', current.models],
    ['sizes', current.sizes],
  ]) {
    if (parts.has(name)) state[name] = new Set(all.filter((one) => parts.getAll(name).includes(String(one))));
  }
  if (current.bands.includes(parts.get('band'))) state.band = parts.get('band');
  if (current.items.includes(parts.get('item'))) state.item = parts.get('item');
  return { keys: parts.getAll('trial'), place: parts.get('place')?.split('/') };
}
