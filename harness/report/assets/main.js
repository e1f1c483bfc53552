/* Everything in its order: what is needed first is drawn first. */

function changed() {
  drawControls();
  const e = EXPERIMENTS[state.experiment];
  const trials = chosenRows().filter((row) => statusKind(row) !== 'older').length;
  byId('chosen-preset').replaceChildren(presetMark(e));
  byId('chosen').textContent =
    `${signalText(e)}, ${taskText(e.task)}; ${variantText(e)}: ${chosenMetric().long}; of ${plural(trials, 'trial')}.`;
  drawHeatmap();
  drawLeaderboard();
  drawSignificance();
  drawPublished();
  drawGaps();
  drawFigureFiles();
  list.page = 0;
  drawTrials();
  refreshCharts();
  remember([]);
}

/* asked: what `recall` gives. */
function openFromAddress({ keys, place }) {
  const rows = keys.map((key) => rowsOfKey(key)).filter((row) => row >= 0);
  if (rows.length > 1) {
    laid.splice(0, laid.length, ...rows);
    drawTray();
    openLaid();
  } else if (rows.length) openTrials(rows);
  else if (place) openPlace(state.experiment, place[0], Number(place[1]));
}

const rowsOfKey = (key) => (DATA.columns.key ?? []).indexOf(key);

/* What a link within the page leads to. */
const sectionOf = (hash) => (/^#[\w-]+$/.test(hash) ? byId(hash.slice(1)) : null);

document.querySelector('main').hidden = false; // without a script there is only its headings
drawSummary();
drawNotices();
drawDownloads();
byId('colophon').textContent =
  `Written ${DATA.written.replace('T', ' ').replace('+00:00', ' UTC')} from ${DATA.out}. ${DATA.pictures}`;
byId('dialog').addEventListener('close', () => remember([]));
byId('dialog').addEventListener('keydown', pageThrough);
byId('dialog').addEventListener('click', (event) => {
  if (event.target === event.currentTarget) event.currentTarget.close();
});
if (EXPERIMENTS.length) {
  const section = sectionOf(location.hash);
  const first = recall();
  drawAnswers();
  drawAcross();
  drawModels();
  drawPresets();
  drawRateSections();
  changed();
  openFromAddress(first);
  section?.scrollIntoView();
  window.addEventListener('hashchange', () => {
    if (sectionOf(location.hash)) return; // a link within the page chooses nothing
    const asked = recall();
    changed();
    openFromAddress(asked);
  });
} else {
  for (const part of document.querySelectorAll('#sections, section:not(#notices)')) part.hidden = true;
}
document.documentElement.dataset.ready = String(Math.round(performance.now()));
if (EXPERIMENTS.length) {
  if (document.readyState === 'complete') watchCharts();
  else window.addEventListener('load', watchCharts); // their library comes last
}
