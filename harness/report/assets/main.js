/* Everything in its order: what is needed first is drawn first. */

function changed() {
  drawControls();
  const e = EXPERIMENTS[state.experiment];
  byId('chosen').textContent =
    `${signalText(e)}, ${taskText(e.task)}; ${variantText(e)}: ${chosenMetric().long} over ${plural(chosenRows().filter((row) => statusKind(row) !== 'older').length, 'trial')}.`;
  drawHeatmap();
  drawLeaderboard();
  drawSignificance();
  drawPublished();
  drawGaps();
  list.page = 0;
  drawTrials();
  refreshCharts();
  remember(null);
}

function openFromAddress(key) {
  const row = key ? rowsOf[state.experiment].find((one) => value('key', one) === key) : undefined;
  if (row !== undefined) openTrials([row]);
}

drawSummary();
drawNotices();
drawDownloads();
byId('colophon').textContent =
  `Written ${DATA.written.replace('T', ' ').replace('+00:00', ' UTC')} from ${DATA.out}. ${DATA.pictures}`;
byId('dialog').addEventListener('close', () => remember(null));
byId('dialog').addEventListener('click', (event) => {
  if (event.target === event.currentTarget) event.currentTarget.close();
});
if (EXPERIMENTS.length) {
  const key = recall();
  drawWinners();
  drawAcross();
  changed();
  openFromAddress(key);
  window.addEventListener('hashchange', () => {
    const asked = recall();
    changed();
    openFromAddress(asked);
  });
} else {
  for (const id of ['overview', 'scores', 'charts', 'significance', 'gaps', 'trials', 'downloads'])
    byId(id).hidden = true;
}
document.documentElement.dataset.ready = String(Math.round(performance.now()));
window.addEventListener('load', () => {
  if (EXPERIMENTS.length) watchCharts();
});
