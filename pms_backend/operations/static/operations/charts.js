// Draws a chart of the dashboard anew when its figures are replaced (inventory/static/inventory/live_stock.js): a canvas
// that is replaced would be empty.
const figures = document.querySelectorAll("[data-of-chart]");

function draw({ ofChart, label, value }) {
  const canvas = document.getElementById(ofChart), chart = Chart.getChart(canvas), { labels, datasets } = JSON.parse(value);
  canvas.setAttribute("aria-label", label);
  chart.data.labels = labels;
  chart.data.datasets[0].data = datasets[0].data;
  chart.update();
}

const observer = new MutationObserver((mutations) => {
  for (const { addedNodes } of mutations) for (const node of addedNodes) if (node.dataset?.ofChart) draw(node.dataset);
});
figures.forEach((element) => observer.observe(element.parentElement, { childList: true }));
