"use strict";
// Draws the charts from the options that stand in the page; without scripts the tables beside them say the same.
(function () {
  var options = JSON.parse(document.getElementById("options").textContent);
  var drawn = Object.keys(options).map(function (name) {
    var place = document.getElementById("chart-" + name);
    place.style.height = options[name].height + "px";
    place.hidden = false;
    var chart = echarts.init(place, null, { renderer: "svg" });
    chart.setOption(options[name].option);
    return chart;
  });
  function fit() {
    drawn.forEach(function (chart) { chart.resize(); });
  }
  window.addEventListener("resize", fit);
  window.addEventListener("beforeprint", fit);
})();
