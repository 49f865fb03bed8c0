/* The bars of the landing page, computed anew when the forget bias is moved. */
(function () {
  "use strict";

  const { prepare, runLSTM, gradientLSTM, norms, sigmoid } = window.LabArithmetic;
  const figure = document.getElementById("trail");
  const data = JSON.parse(figure.querySelector("script[type='application/json']").textContent);
  const model = prepare(data.lstm);
  const slider = figure.querySelector("input");
  const row = document.getElementById("trail-lstm");
  const bars = [...row.querySelectorAll("rect")];
  const lags = bars.length - 1;

  const minus = (text) => text.replace("-", "−");
  const raised = (n) => [...String(n)].map((d) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[d] ?? "⁻").join("");

  /* As landing.py writes it. */
  function written(value) {
    if (value >= 0.01) return String(Number(value.toPrecision(2)));
    const [digits, power] = value.toExponential(0).split("e");
    return `${digits} × 10${raised(Number(power))}`;
  }

  function draw() {
    const bias = Number(slider.value);
    const run = runLSTM(model, data.x, { forgetBias: bias });
    const left = norms(gradientLSTM(model, run).c, model.H);
    for (const [t, bar] of bars.entries()) {
      const height = (100 / data.top) * Math.min(data.top, left[t] / left[lags]);
      bar.setAttribute("height", height);
      bar.setAttribute("y", 100 - height);
    }
    const end = written(left[0] / left[lags]);
    row.querySelector("b").textContent = end;
    row.querySelector("svg").setAttribute("aria-label", `LSTM: ${end} of the gradient is left after ${lags} steps.`);
    const gate = Number(sigmoid(bias).toPrecision(3));
    figure.querySelector("output").textContent = `${minus(bias.toFixed(2))}: a gate of about ${gate}`;
  }

  slider.addEventListener("input", () => {
    figure.classList.add("trail-moved"); // bars answer at once, without the first animation
    draw();
  });
  figure.querySelector(".slide-control").classList.add("slide-ready");
  draw();
})();
