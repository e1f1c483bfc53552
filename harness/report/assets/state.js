/* What is chosen, the controls that choose it, and the address that remembers it. */

const state = { experiment: 0, metric: 'psnr', models: new Set(), sizes: new Set(), bands: new Set(), item: '' };
let current = { runs: [], models: [], sizes: [], bands: [], items: [] };

const chosenRuns = () =>
  current.runs.filter(
    (run) =>
      state.models.has(run.model) &&
      state.sizes.has(run.size) &&
      state.bands.has(run.band) &&
      (state.item === '' || run.item === state.item),
  );

/* Whether all draws of all bands are chosen, as the tests of significance see them. */
const chosenWhole = () =>
  state.item === '' &&
  defaultBands().every((band) => state.bands.has(band)) &&
  defaultBands().length === state.bands.size;

/* Rings are parts of one score: the whole stands for them unless they are asked for. */
function defaultBands() {
  return current.runs.some((run) => run.ring) ? [WHOLE] : current.bands;
}

function load(experiment, metric) {
  const metrics = metricsOf(experiment);
  const before = state.experiment === experiment && current.runs.length ? current : null;
  state.experiment = experiment;
  state.metric = metrics.includes(metric) ? metric : metrics[0];
  const runs = runsOf(experiment, state.metric);
  current = {
    runs,
    models: distinct(runs.map((run) => run.model)).sort(byModel),
    sizes: distinct(runs.map((run) => run.size)).sort(byNumber),
    bands: distinct(runs.map((run) => run.band)).sort(byBand),
    items: distinct(runs.map((run) => run.item))
      .filter((item) => item !== null)
      .sort(),
  };
  if (before && String(before.bands) === String(current.bands)) return;
  if (!before) Object.assign(state, { models: new Set(current.models), sizes: new Set(current.sizes), item: '' });
  state.bands = new Set(defaultBands());
}

/* The address: short enough to send, and only what differs from everything. */
function remember(key) {
  const parts = new URLSearchParams({ e: experimentId(EXPERIMENTS[state.experiment]), m: state.metric });
  for (const [name, all] of [
    ['models', current.models],
    ['sizes', current.sizes],
    ['bands', defaultBands()],
  ]) {
    const chosen = [...state[name]];
    if (chosen.length !== all.length || !all.every((one) => state[name].has(one)))
      for (const one of chosen) parts.append(name, one);
  }
  if (state.item) parts.set('item', state.item);
  if (key) parts.set('trial', key);
  history.replaceState(null, '', `#${parts}`);
}

/* Take over what an address says; gives the trial that it opens, if any. */
function recall() {
  const parts = new URLSearchParams(location.hash.slice(1));
  const experiment = EXPERIMENTS.findIndex((one) => experimentId(one) === parts.get('e'));
  load(Math.max(0, experiment), parts.get('m') ?? 'psnr');
  for (const [name, all] of [
    ['models', current.models],
    ['sizes', current.sizes],
    ['bands', current.bands],
  ]) {
    if (parts.has(name)) state[name] = new Set(all.filter((one) => parts.getAll(name).includes(String(one))));
  }
  if (current.items.includes(parts.get('item'))) state.item = parts.get('item');
  return parts.get('trial');
}
