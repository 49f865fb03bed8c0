/* The gate lab's element: what a reader sets, what is drawn, and the link that keeps it.
 * The page holds the whole markup (docs/_templates/gate_lab.html); lstm.js does the arithmetic. */
(function () {
  "use strict";

  const { GATES, sigmoid, prepare, heldGates, runLSTM, gradientLSTM, runRNN, gradientRNN, norms } =
    window.LabArithmetic;
  const SVG = "http://www.w3.org/2000/svg";
  const LEFT = 34; // the room for the scale; lab.css has the same number
  const RIGHT = 8;
  const TOP = 6; // half of it below: marks at the edge stay whole
  const DECADES = [2, -6]; // of the gradient's scale
  const SHADES = 8;
  const LIMIT = { steps: [2, 50], size: 10, bias: 6, holds: 200 };

  // ------------------------------------------------------------------ words and numbers

  const minus = (text) => text.replace("-", "−");
  const fixed = (value, digits = 2) => minus((value + 0).toFixed(digits).replace(/^-(0\.?0*)$/, "$1"));
  const signed = (value, digits = 1) => (value < 0 ? "" : "+") + fixed(value, digits);
  const raised = (n) => [...String(n)].map((d) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[d] ?? "⁻").join("");
  const lowered = (n) => [...String(n)].map((d) => "₀₁₂₃₄₅₆₇₈₉"[d]).join("");

  /* A small positive number in few signs: 1.3, 0.021, 4×10⁻⁵, 0. */
  function size(value) {
    if (value === 0) return "0";
    if (value >= 0.001 && value < 1000) return Number(value.toPrecision(2)).toString();
    const [digits, power] = value.toExponential(0).split("e");
    return `${digits}×10${raised(Number(power))}`;
  }

  const share = (p) => (p > 0.99 && p < 1 ? "> 0.99" : p < 0.01 ? "< 0.01" : fixed(p));

  /* Read what was typed: numbers, or what is wrong with them. */
  function parse(text) {
    const words = text.replaceAll("−", "-").split(/[\s,;]+/).filter(Boolean);
    for (const [at, word] of words.entries()) {
      if (!/^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(word)) {
        return { problem: `Step ${at + 1}: expected a number, got “${word.slice(0, 20)}”.` };
      }
      if (Math.abs(Number(word)) > LIMIT.size) {
        return { problem: `Step ${at + 1}: expected a number from −10 to 10, got ${word.slice(0, 20)}.` };
      }
    }
    const [least, most] = LIMIT.steps;
    if (words.length < least || words.length > most) {
      return { problem: `Expected ${least} to ${most} numbers, got ${words.length}.` };
    }
    return { numbers: words.map((word) => Number(word) + 0) };
  }

  // ------------------------------------------------------------------ the state and its link

  const VIEWS = ["whose", "when", "view"];

  /* x=0.1_-2&u=3&t=5&b=0.5&h=f_all_all_0.5~i_3_1_0&v=aoa&m=2, after "#lab?" */
  function toLink(state) {
    const parts = [`x=${state.x.join("_")}`, `u=${state.u + 1}`, `t=${state.t + 1}`];
    if (state.b) parts.push(`b=${state.b}`);
    const name = (n) => (n === null ? "all" : n + 1);
    const holds = state.holds.map((h) => [h.gate, name(h.unit), name(h.step), h.value].join("_"));
    if (holds.length) parts.push(`h=${holds.join("~")}`);
    const views = VIEWS.map((view) => state[view][0]).join("");
    if (views !== "aaa") parts.push(`v=${views}`);
    if (state.moment !== null) parts.push(`m=${state.moment + 1}`);
    return parts.join("&");
  }

  /* The state that a link holds, or null if it holds none. */
  function fromLink(link, H, moments) {
    const given = Object.fromEntries(link.split("&").map((part) => part.split("=")));
    const { numbers } = parse((given.x ?? "").replaceAll("_", " "));
    if (!numbers) return null;
    const whole = (text, most) => (/^\d+$/.test(text) && text >= 1 && text <= most ? text - 1 : NaN);
    const either = (text, most) => (text === "all" ? null : whole(text, most));
    const state = {
      x: numbers,
      u: whole(given.u ?? "1", H),
      t: whole(given.t ?? "1", numbers.length),
      b: Number(given.b ?? 0),
      holds: (given.h ? given.h.split("~") : []).map((hold) => {
        const [gate, unit, step, value] = hold.split("_");
        return { gate, unit: either(unit, H), step: either(step, LIMIT.steps[1]), value: Number(value) };
      }),
      moment: given.m ? whole(given.m, moments) : null,
    };
    const views = given.v ?? "aaa";
    VIEWS.forEach((view, at) => (state[view] = views[at] === "o" ? "one" : "all"));
    const good = (hold) =>
      GATES.includes(hold.gate) &&
      ![hold.unit, hold.step].some(Number.isNaN) &&
      hold.value >= (hold.gate === "g" ? -1 : 0) &&
      hold.value <= 1;
    const sound =
      ![state.u, state.t, state.moment].some(Number.isNaN) &&
      Math.abs(state.b) <= LIMIT.bias &&
      state.holds.length <= LIMIT.holds &&
      state.holds.every(good);
    return sound ? state : null;
  }

  // ------------------------------------------------------------------ drawing

  function make(parent, tag, attributes = {}, text = "") {
    const node = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.textContent = text;
    parent.append(node);
    return node;
  }

  /* One drawing: a scale on the left, a mark at the step that is looked at, and paths by name. */
  class Plot {
    constructor(svg, paths) {
      this.svg = svg;
      this.name = svg.dataset.plot;
      this.width = 0;
      this.height = 0;
      this.mark = make(svg, "rect", { class: "lab-mark", y: 0 });
      this.grid = make(svg, "path", { class: "lab-grid" });
      this.paths = {};
      for (const [name, look] of paths) this.paths[name] = make(svg, "path", { class: look });
      this.labels = [];
    }

    /* At least a little: a lab that is not shown yet has no size. */
    measure(width, height) {
      this.width = Math.max(width, LEFT + RIGHT + 10);
      this.height = Math.max(height, 2 * TOP + 10);
    }

    /* Where a step is: its middle, or its edges with at = -0.5 and 0.5. */
    across(t, at = 0) {
      return LEFT + ((t + 0.5 + at) / this.T) * (this.width - LEFT - RIGHT);
    }

    step(x) {
      const t = Math.floor(((x - LEFT) / (this.width - LEFT - RIGHT)) * this.T);
      return Math.max(0, Math.min(this.T - 1, t));
    }

    down(value) {
      const [low, high] = this.range;
      return TOP + ((high - value) / (high - low)) * (this.height - 2 * TOP);
    }

    value(y) {
      const [low, high] = this.range;
      const at = high - ((y - TOP) / (this.height - 2 * TOP)) * (high - low);
      return Math.max(low, Math.min(high, at));
    }

    /* ticks: [[value, words]]; drawn again only if they or the size have changed. */
    scale(T, t, range, ticks) {
      this.T = T;
      this.range = range;
      const wide = this.across(t, 0.5) - this.across(t, -0.5);
      this.mark.setAttribute("x", this.across(t, -0.5).toFixed(1));
      this.mark.setAttribute("width", wide.toFixed(1));
      this.mark.setAttribute("height", this.height);
      const key = [this.width, this.height, ...range, ...ticks].join();
      if (key === this.key) return;
      this.key = key;
      for (const label of this.labels) label.remove();
      this.labels = ticks.map(([value, words]) =>
        make(this.svg, "text", { x: LEFT - 6, y: this.down(value) + 3.5, class: "lab-tick" }, words),
      );
      const lines = ticks.map(([value]) => `M${LEFT} ${this.down(value)}H${this.width - RIGHT}`);
      this.grid.setAttribute("d", lines.join(""));
    }

    draw(name, d) {
      this.paths[name].setAttribute("d", d);
    }

    bars(name, values, wanted = () => true) {
      const zero = this.down(0).toFixed(1);
      const gap = Math.min(0.12, (this.T * 0.6) / (this.width - LEFT - RIGHT));
      let d = "";
      for (let t = 0; t < this.T; t++) {
        if (!wanted(t)) continue;
        const [x0, x1] = [this.across(t, gap - 0.5), this.across(t, 0.5 - gap)];
        d += `M${x0.toFixed(1)} ${zero}H${x1.toFixed(1)}V${this.down(values[t]).toFixed(1)}H${x0.toFixed(1)}Z`;
      }
      this.draw(name, d);
    }

    /* The top edge of a bar, for values that are held. */
    caps(name, values, wanted) {
      let d = "";
      for (let t = 0; t < this.T; t++) {
        if (!wanted(t)) continue;
        d += `M${this.across(t, -0.5).toFixed(1)} ${this.down(values[t]).toFixed(1)}H${this.across(t, 0.5).toFixed(1)}`;
      }
      this.draw(name, d);
    }

    line(name, values, by = (value) => value) {
      let d = "";
      for (let t = 0; t < values.length; t++) {
        d += `${t ? "L" : "M"}${this.across(t).toFixed(1)} ${this.down(by(values[t])).toFixed(1)}`;
      }
      this.draw(name, d);
    }

    /* A map of units by steps: one path for each shade of each sign. */
    map(values, H, most) {
      const ds = { p: Array(SHADES + 1).fill(""), n: Array(SHADES + 1).fill("") };
      const high = this.height / H;
      for (let t = 0; t < this.T; t++) {
        const [x0, x1] = [this.across(t, -0.5).toFixed(1), this.across(t, 0.5).toFixed(1)];
        for (let u = 0; u < H; u++) {
          const value = values[t * H + u] / most;
          const shade = Math.min(SHADES, Math.round(Math.abs(value) * SHADES));
          if (!shade) continue;
          const [y0, y1] = [(u * high).toFixed(1), ((u + 1) * high).toFixed(1)];
          ds[value > 0 ? "p" : "n"][shade] += `M${x0} ${y0}H${x1}V${y1}H${x0}Z`;
        }
      }
      for (const sign of ["p", "n"]) {
        for (let s = 1; s <= SHADES; s++) this.draw(`${sign}${s}`, ds[sign][s]);
      }
    }
  }

  const MAP = ["p", "n"].flatMap((sign) =>
    Array.from({ length: SHADES }, (_, s) => [`${sign}${s + 1}`, `lab-cell-${sign} lab-shade-${s + 1}`]),
  );
  const gatePaths = (gate) => [
    ["free", `lab-fill lab-${gate}`],
    ["held", `lab-fill lab-faint lab-${gate}`],
    ["cap", `lab-cap lab-${gate}`],
  ];
  const PATHS = {
    x: [["noise", "lab-fill lab-faint lab-x"], ["ends", "lab-fill lab-x"]],
    ...Object.fromEntries(GATES.map((gate) => [gate, gatePaths(gate)])),
    state: [["c", "lab-curve lab-c"], ["h", "lab-curve lab-h"]],
    gradient: [
      ["rnn", "lab-curve lab-rnn"],
      ["full", "lab-curve lab-c"],
      ["direct", "lab-curve lab-dashed lab-f"],
    ],
    units: [...MAP, ["chosen", "lab-chosen"]],
    rnn: [...MAP, ["chosen", "lab-chosen"]],
  };
  const NAMES = { f: "forget gate", i: "input gate", g: "candidate", o: "output gate" };

  // ------------------------------------------------------------------ the element

  class GateLab extends HTMLElement {
    connectedCallback() {
      if (this.parts) return;
      this.given = JSON.parse(this.querySelector("script").textContent);
      this.lstm = prepare(this.given.models.lstm);
      this.rnn = prepare(this.given.models.rnn);
      this.parts = {};
      for (const part of this.querySelectorAll("[data-is]")) this.parts[part.dataset.is] = part;
      this.plots = {};
      for (const svg of this.querySelectorAll("svg[data-plot]")) {
        this.plots[svg.dataset.plot] = new Plot(svg, PATHS[svg.dataset.plot]);
        this.watchPointer(this.plots[svg.dataset.plot]);
      }
      this.watchControls();
      new ResizeObserver(() => this.resize()).observe(this);
      window.addEventListener("hashchange", () => this.restore(true));
      this.resize();
      if (!this.restore(false)) this.take(this.read(this.dataset.state));
    }

    read(link) {
      return fromLink(link, this.lstm.H, this.given.tour.length);
    }

    /* Take what the address says; say so if it cannot be read. */
    restore(again) {
      const found = window.location.hash.match(/^#lab\?(.*)$/);
      if (!found || found[1] === this.written) return false;
      const state = this.read(decodeURIComponent(found[1]));
      if (!state) {
        if (!again) this.take(this.read(this.dataset.state));
        this.parts.problem.textContent = "This link holds nothing that the lab can read.";
        return true;
      }
      this.take(state);
      if (!again) this.scrollIntoView();
      return true;
    }

    /* Put a whole state in place. */
    take(state) {
      this.state = state;
      this.parts.text.value = state.x.join(" ");
      this.parts.problem.textContent = "";
      this.parts.text.removeAttribute("aria-invalid");
      this.compute();
      this.tell(state.moment);
      this.draw();
    }

    resize() {
      for (const plot of Object.values(this.plots)) {
        const { width, height } = plot.svg.getBoundingClientRect();
        plot.measure(width, height);
      }
      if (this.state) this.draw();
    }

    /* Something was changed by hand: draw before the next frame, then write the address. */
    change() {
      if (this.due) return;
      this.due = requestAnimationFrame(() => {
        this.due = 0;
        this.update();
      });
    }

    update() {
      this.compute();
      this.draw();
      clearTimeout(this.settling);
      this.settling = setTimeout(() => this.settle(), 400);
    }

    /* A change has come to rest. */
    settle() {
      this.written = toLink(this.state);
      try {
        history.replaceState(history.state, "", `#lab?${this.written}`);
      } catch {
        // Some browsers keep the address of a file as it is; the lab works all the same.
      }
      const { answer, first } = this.told();
      this.parts.said.textContent = `LSTM ${answer}. Gradient back to step 1: all paths ${first.full}, forget gates only ${first.direct}, RNN ${first.rnn}.`;
      this.describe();
    }

    // ---------------------------------------------------------------- what is computed

    compute() {
      const { x, b, holds, u, view } = this.state;
      const { H } = this.lstm;
      this.held = heldGates(holds, x.length, H);
      this.run = runLSTM(this.lstm, x, { forgetBias: b, held: this.held });
      this.plain = runRNN(this.rnn, x);
      const paths = gradientLSTM(this.lstm, this.run);
      const own = (values) => Float64Array.from(x, (_, t) => Math.abs(values[t * H + u]));
      const over = view === "all" ? (values) => norms(values, H) : own;
      this.gradient = {
        full: over(paths.c),
        direct: over(paths.direct),
        rnn: norms(gradientRNN(this.rnn, this.plain).h, H),
      };
    }

    /* One number of this unit. */
    at(name, t = this.state.t) {
      return this.run[name][t * this.lstm.H + this.state.u];
    }

    isHeld(gate, t = this.state.t) {
      const values = this.held[gate];
      return Boolean(values) && !Number.isNaN(values[t * this.lstm.H + this.state.u]);
    }

    /* What the tour and the screen reader are told. */
    told() {
      const [p, q] = [this.run, this.plain].map((run) => sigmoid(run.answer));
      const first = {};
      for (const [name, values] of Object.entries(this.gradient)) first[name] = size(values[0]);
      return { answer: share(p), rnn: share(q), first };
    }

    // ---------------------------------------------------------------- what is drawn

    draw() {
      const { state, plots, parts } = this;
      const { x, u, t } = state;
      const T = x.length;
      const own = (name) => Float64Array.from(x, (_, s) => this.at(name, s));

      const most = Math.max(3, ...x.map(Math.abs));
      plots.x.scale(T, t, [-most, most], [[most, fixed(most, 1)], [0, "0"], [-most, fixed(-most, 1)]]);
      plots.x.bars("ends", x, (s) => s === 0 || s === T - 1);
      plots.x.bars("noise", x, (s) => s > 0 && s < T - 1);
      parts["value-x"].textContent = fixed(x[t]);

      for (const gate of GATES) this.drawGate(gate, T, t, own(gate));

      const [c, h] = [own("c"), own("h")];
      const high = Math.max(1, ...c.map(Math.abs));
      const reach = Number(high.toPrecision(2));
      plots.state.scale(T, t, [-high, high], [[high, minus(String(reach))], [0, "0"], [-high, minus(String(-reach))]]);
      plots.state.line("c", c);
      plots.state.line("h", h);
      parts["value-c"].textContent = fixed(c[t]);
      parts["value-h"].textContent = fixed(h[t]);

      this.drawGradient(T, t);
      this.drawMap(plots.units, this.run.c, Math.max(1, ...this.run.c.map(Math.abs)), u);
      this.drawMap(plots.rnn, this.plain.h, 1, null);
      this.drawAnswers(x, T);
      this.drawControls(x, T);
    }

    drawGate(gate, T, t, values) {
      const plot = this.plots[gate];
      const low = gate === "g" ? -1 : 0;
      plot.scale(T, t, [low, 1], low ? [[1, "1"], [0, "0"], [-1, "−1"]] : [[1, "1"], [0, "0"]]);
      plot.bars("free", values, (s) => !this.isHeld(gate, s));
      plot.bars("held", values, (s) => this.isHeld(gate, s));
      plot.caps("cap", values, (s) => this.isHeld(gate, s));
      this.parts[`value-${gate}`].textContent = fixed(values[t]);
      const slider = this.sliders[gate];
      if (slider !== this.moving) slider.value = values[t];
      slider.setAttribute("aria-valuetext", `${fixed(values[t])}, ${this.isHeld(gate) ? "held" : "free"}`);
      const box = this.boxes[gate];
      box.checked = this.isHeld(gate);
      box.indeterminate = !box.checked && this.state.holds.some((hold) => hold.gate === gate);
    }

    drawGradient(T, t) {
      const plot = this.plots.gradient;
      const ticks = [2, 0, -2, -4, -6].map((power) => [power, power ? `10${raised(power)}` : "1"]);
      plot.scale(T, t, [DECADES[1], DECADES[0]], ticks);
      const log = (value) => Math.max(DECADES[1], Math.min(DECADES[0], Math.log10(value)));
      const shown = this.state.view === "all" ? this.gradient.rnn : [];
      plot.line("rnn", shown, log);
      for (const name of ["full", "direct"]) plot.line(name, this.gradient[name], log);
      for (const name of ["full", "direct"]) {
        this.parts[`value-${name}`].textContent = size(this.gradient[name][t]);
      }
      this.parts["value-rnn"].textContent = shown.length ? size(shown[t]) : "–";
    }

    drawMap(plot, values, most, chosen) {
      const { H } = this.lstm;
      plot.scale(this.state.x.length, this.state.t, [0, H], []);
      plot.map(values, H, most);
      if (chosen === null) return;
      const high = plot.height / H;
      plot.draw("chosen", `M${LEFT} ${chosen * high}H${plot.width - RIGHT}v${high}H${LEFT}Z`);
      if (!this.chosen) this.chosen = make(plot.svg, "text", { x: LEFT - 6, class: "lab-tick" });
      this.chosen.textContent = chosen + 1;
      this.chosen.setAttribute("y", Math.min(plot.height - 1, Math.max(9, (chosen + 0.5) * high + 3.5)));
    }

    drawAnswers(x, T) {
      const sum = x[0] + x[T - 1];
      for (const [net, run] of [["lstm", this.run], ["rnn", this.plain]]) {
        const p = sigmoid(run.answer);
        const row = this.answers[net];
        row.style.setProperty("--share", p);
        row.classList.toggle("lab-wrong", p > 0.5 !== sum > 0);
        const right = p > 0.5 === sum > 0 ? "right" : "wrong";
        this.parts[`answer-${net}`].textContent = `${p > 0.5 ? "yes" : "no"} (${share(p)}), ${right}`;
      }
      const sign = x[T - 1] < 0 ? "−" : "+";
      const written = `x₁ + x${lowered(T)} = ${fixed(x[0])} ${sign} ${fixed(Math.abs(x[T - 1]))} = ${fixed(sum)}`;
      this.parts.truth.textContent = `${written}: ${sum > 0 ? "yes" : "no"}`;
    }

    drawControls(x, T) {
      const { parts, state } = this;
      const { t, u, b } = state;
      parts.time.max = T;
      parts.time.value = t + 1;
      parts.time.style.setProperty("--steps", T);
      parts.time.setAttribute("aria-valuetext", `step ${t + 1} of ${T}`);
      parts["time-value"].textContent = t + 1;
      parts.unit.value = u + 1;
      parts.bias.value = b;
      parts["bias-value"].textContent = signed(b);
      for (const view of VIEWS) parts[view].value = state[view];
      const same = this.given.presets.findIndex((preset) => preset.x.join() === x.join());
      parts.preset.value = same < 0 ? "own" : same;
      for (const button of this.moments) {
        button.setAttribute("aria-current", String(Number(button.dataset.moment) === state.moment));
      }
      const [i, f, g, o, c, h] = [...GATES, "c", "h"].map((name) => fixed(this.at(name)));
      const brackets = (text) => (text.startsWith("−") ? `(${text})` : text);
      const before = brackets(t ? fixed(this.at("c", t - 1)) : "0");
      const [now, last] = [lowered(t + 1), lowered(t)];
      parts.sum.textContent =
        `c${now} = f·c${last} + i·g = ${f} × ${before} + ${i} × ${brackets(g)} = ${c},  ` +
        `h${now} = o·tanh c${now} = ${o} × ${brackets(fixed(Math.tanh(this.at("c"))))} = ${h}`;
    }

    /* What a screen reader hears of the drawings. */
    describe() {
      const { x, u, t } = this.state;
      const say = (plot, words) => this.plots[plot].svg.setAttribute("aria-label", words);
      say("x", `The input, ${x.length} steps; ${fixed(x[t])} at step ${t + 1}`);
      for (const gate of GATES) {
        const values = x.map((_, s) => this.at(gate, s));
        const span = `${fixed(Math.min(...values))} to ${fixed(Math.max(...values))}`;
        say(gate, `The ${NAMES[gate]} of unit ${u + 1}: ${span}; ${fixed(values[t])} at step ${t + 1}`);
      }
      say("state", `Unit ${u + 1} at step ${t + 1}: cell state ${fixed(this.at("c"))}, hidden state ${fixed(this.at("h"))}`);
      const { first } = this.told();
      say("gradient", `The gradient of the answer back to step 1: ${first.full} by all paths, ${first.direct} by forget gates only, ${first.rnn} in the RNN`);
    }

    // ---------------------------------------------------------------- the tour

    tell(moment) {
      for (const row of this.querySelectorAll(".lab-look")) row.classList.remove("lab-look");
      this.next.textContent = moment === null ? "Start" : moment + 1 < this.given.tour.length ? "Next" : "Again";
      if (moment === null) return;
      const { title, text, look } = this.given.tour[moment];
      const { answer, rnn, first } = this.told();
      const known = { answer, rnn, full: first.full, direct: first.direct, plain: first.rnn };
      const strong = document.createElement("strong");
      strong.textContent = `${moment + 1}. ${title}. `;
      this.parts.tour.replaceChildren(strong, text.replace(/\{(\w+)\}/g, (_, name) => known[name]));
      for (const row of look) this.querySelector(`[data-row="${row}"]`).classList.add("lab-look");
    }

    visit(moment) {
      this.take({ ...this.read(this.given.tour[moment].state), moment });
      this.settling && clearTimeout(this.settling);
      this.settling = setTimeout(() => this.settle(), 400);
    }

    // ---------------------------------------------------------------- what the reader does

    setInput(x) {
      const { state } = this;
      state.x = x;
      state.t = Math.min(state.t, x.length - 1);
      state.holds = state.holds.filter((hold) => hold.step === null || hold.step < x.length);
      this.change();
    }

    /* Write the sequence into the box, as if it had been typed. */
    type(x) {
      this.parts.text.value = x.join(" ");
      this.parts.problem.textContent = "";
      this.parts.text.removeAttribute("aria-invalid");
      this.setInput(x);
    }

    typed() {
      const { numbers, problem } = parse(this.parts.text.value);
      this.parts.problem.textContent = problem ? `${problem} The drawing keeps the last good sequence.` : "";
      this.parts.text.setAttribute("aria-invalid", String(Boolean(problem)));
      if (numbers) this.setInput(numbers);
    }

    hold(gate, value, t = this.state.t) {
      const { state } = this;
      const unit = state.whose === "all" ? null : state.u;
      const step = state.when === "all" ? null : t;
      const covered = (hold) =>
        hold.gate === gate && (unit === null || hold.unit === unit) && (step === null || hold.step === step);
      state.holds = state.holds.filter((hold) => !covered(hold)).slice(1 - LIMIT.holds);
      state.holds.push({ gate, unit, step, value: Math.round(value * 100) / 100 });
      this.change();
    }

    release(gate) {
      this.state.holds = this.state.holds.filter((hold) => gate && hold.gate !== gate);
      this.change();
    }

    go(t) {
      this.state.t = Math.max(0, Math.min(this.state.x.length - 1, t));
      this.change();
    }

    watchControls() {
      const { parts } = this;
      const on = (part, kind, act) => part.addEventListener(kind, () => act(part));
      const byData = (name) =>
        Object.fromEntries([...this.querySelectorAll(`[data-${name}]`)].map((e) => [e.dataset[name], e]));
      this.sliders = byData("gate");
      this.boxes = byData("hold");
      this.answers = byData("net");
      this.moments = [...this.querySelectorAll("[data-moment]")];
      const actions = byData("do");
      this.next = actions.next;

      on(parts.text, "input", () => this.typed());
      on(parts.preset, "change", ({ value }) => value === "own" || this.type([...this.given.presets[value].x]));
      on(actions.draw, "click", () => this.type(drawn(this.state.x.length)));
      on(parts.unit, "change", ({ value }) => ((this.state.u = value - 1), this.change()));
      for (const view of VIEWS) on(parts[view], "change", ({ value }) => ((this.state[view] = value), this.change()));
      on(parts.bias, "input", ({ value }) => ((this.state.b = Number(value)), this.change()));
      on(parts.time, "input", ({ value }) => this.go(value - 1));
      on(actions.back, "click", () => this.go(this.state.t - 1));
      on(actions.on, "click", () => this.go(this.state.t + 1));
      for (const gate of GATES) {
        const [slider, box] = [this.sliders[gate], this.boxes[gate]];
        on(slider, "input", () => {
          this.moving = slider; // the browser has it under its own hand
          this.hold(gate, Number(slider.value));
        });
        on(slider, "change", () => (this.moving = null));
        on(box, "change", () => (box.checked ? this.hold(gate, this.at(gate)) : this.release(gate)));
      }
      for (const button of this.moments) on(button, "click", () => this.visit(Number(button.dataset.moment)));
      on(actions.next, "click", () =>
        this.visit(this.state.moment === null ? 0 : (this.state.moment + 1) % this.given.tour.length),
      );
      on(actions.release, "click", () => this.release(null));
      on(actions.reset, "click", () => {
        this.take(this.read(this.dataset.state));
        this.settle();
      });
      on(actions.copy, "click", () => this.copy());
    }

    async copy() {
      this.settle();
      try {
        await navigator.clipboard.writeText(window.location.href);
        this.parts.copied.textContent = "Copied.";
      } catch {
        this.parts.copied.textContent = "Copy the address of this page: it holds this state.";
      }
      setTimeout(() => (this.parts.copied.textContent = ""), 4000);
    }

    /* A mouse or a pen: press to look at a step, drag up and down to hold a gate or set an input.
     * A finger: the page must still scroll, so it only chooses the step; sliders hold the gates. */
    watchPointer(plot) {
      const { svg } = plot;
      let drag = null;
      const place = (event) => {
        const box = svg.getBoundingClientRect();
        return [event.clientX - box.left, event.clientY - box.top];
      };
      const look = (x, y) => {
        if (plot.name === "units") {
          this.state.u = Math.max(0, Math.min(this.lstm.H - 1, Math.floor((y / plot.height) * this.lstm.H)));
        }
        this.go(plot.step(x));
      };
      svg.addEventListener("pointerdown", (event) => {
        if (event.button) return;
        const [x, y] = place(event);
        drag = { y, last: plot.step(x), sets: false };
        svg.setPointerCapture(event.pointerId);
        look(x, y);
      });
      svg.addEventListener("pointermove", (event) => {
        if (!drag) return;
        const [x, y] = place(event);
        const settable = event.pointerType !== "touch" && (plot.name === "x" || GATES.includes(plot.name));
        if (!settable) return look(x, y);
        drag.sets ||= Math.abs(y - drag.y) > 3;
        const step = plot.step(x);
        if (!drag.sets) return look(x, y);
        const stays = plot.name !== "x" && this.state.when === "all";
        const [from, to] = stays ? [step, step] : [Math.min(drag.last, step), Math.max(drag.last, step)];
        for (let t = from; t <= to; t++) this.set(plot, t, plot.value(y));
        drag.last = step;
        if (!stays) this.go(step);
      });
      for (const end of ["pointerup", "pointercancel"]) svg.addEventListener(end, () => (drag = null));
    }

    set(plot, t, value) {
      if (plot.name !== "x") return this.hold(plot.name, value, t);
      const x = [...this.state.x];
      x[t] = Math.round(value * 10) / 10;
      this.type(x);
    }
  }

  /* Fresh normal numbers, as the networks were trained on. */
  function drawn(T) {
    return Array.from({ length: T }, () => {
      const radius = Math.sqrt(-2 * Math.log(1 - Math.random()));
      return Math.round(radius * Math.cos(2 * Math.PI * Math.random()) * 10) / 10 + 0;
    });
  }

  customElements.define("gate-lab", GateLab);
})();
