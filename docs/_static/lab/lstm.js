/* The arithmetic of the gate lab, and nothing else: no document, no state, no drawing.
 *
 * One layer with one input per step, read by a linear layer at the last step. Rows of W, U and b
 * stand in PyTorch's order: the gates i, f, g, o one below the other. What belongs to steps and
 * units is flat, one step after the other: unit u at step t (from 0) is at t * H + u.
 */
(function (root, make) {
  if (typeof module === "object" && module.exports) module.exports = make();
  else root.LabArithmetic = make();
})(typeof self === "undefined" ? this : self, function () {
  "use strict";

  const GATES = ["i", "f", "g", "o"];

  function sigmoid(a) {
    return 1 / (1 + Math.exp(-a));
  }

  /* Turn lists of numbers into typed arrays, once for each model.
   * model: {W, U, b, w, r}: input weights, recurrent weights row by row, the sum of the biases,
   * the weights of the readout and its bias. */
  function prepare(model) {
    const numbers = {};
    for (const name of ["W", "U", "b", "w"]) numbers[name] = Float64Array.from(model[name]);
    return { ...numbers, r: model.r, H: model.w.length };
  }

  /* Where each gate is held: NaN means free. Later holds win over earlier ones.
   * holds: [{gate, unit, step, value}], unit and step from 0, or null for every one. */
  function heldGates(holds, T, H) {
    const held = {};
    for (const hold of holds) {
      const values = (held[hold.gate] ??= new Float64Array(T * H).fill(NaN));
      const units = hold.unit === null ? [0, H] : [hold.unit, hold.unit + 1];
      const steps = hold.step === null ? [0, T] : [hold.step, Math.min(hold.step + 1, T)];
      for (let t = steps[0]; t < steps[1]; t++) values.fill(hold.value, t * H + units[0], t * H + units[1]);
    }
    return held;
  }

  /* Run the LSTM over xs.
   * forgetBias is added to the pre-activation of every forget gate; held is what heldGates gives. */
  function runLSTM(model, xs, { forgetBias = 0, held = {} } = {}) {
    const { W, U, b, w, r, H } = model;
    const T = xs.length;
    const run = { T, H, held, x: xs };
    for (const name of [...GATES, "c", "h"]) run[name] = new Float64Array(T * H);
    const a = new Float64Array(4 * H);
    for (let t = 0; t < T; t++) {
      for (let k = 0; k < 4 * H; k++) {
        let sum = W[k] * xs[t] + b[k];
        if (t) for (let v = 0; v < H; v++) sum += U[k * H + v] * run.h[(t - 1) * H + v];
        a[k] = sum;
      }
      for (let u = 0; u < H; u++) {
        const at = t * H + u;
        const free = (name, value) => {
          const fixed = held[name] ? held[name][at] : NaN;
          return Number.isNaN(fixed) ? value : fixed;
        };
        run.i[at] = free("i", sigmoid(a[u]));
        run.f[at] = free("f", sigmoid(a[H + u] + forgetBias));
        run.g[at] = free("g", Math.tanh(a[2 * H + u]));
        run.o[at] = free("o", sigmoid(a[3 * H + u]));
        run.c[at] = run.f[at] * (t ? run.c[at - H] : 0) + run.i[at] * run.g[at];
        run.h[at] = run.o[at] * Math.tanh(run.c[at]);
      }
    }
    run.answer = readout(run.h, w, r, T, H);
    return run;
  }

  function readout(h, w, r, T, H) {
    let sum = r;
    for (let u = 0; u < H; u++) sum += w[u] * h[(T - 1) * H + u];
    return sum;
  }

  /* The gradient of the answer (before the last sigmoid) with respect to every step of a run.
   * c and h: through every later step. direct: what of c comes along forget gates alone, then
   * through the last h with its gate held. x: with respect to the input. A held gate is a constant:
   * nothing flows through it to what it was computed from. */
  function gradientLSTM(model, run) {
    const { W, U, w } = model;
    const { T, H, held } = run;
    const paths = { x: new Float64Array(T) };
    for (const name of ["c", "h", "direct"]) paths[name] = new Float64Array(T * H);
    const da = new Float64Array(4 * H);
    const dh = Float64Array.from(w);
    const dc = new Float64Array(H);
    for (let t = T - 1; t >= 0; t--) {
      for (let u = 0; u < H; u++) {
        const at = t * H + u;
        const [i, f, g, o] = GATES.map((name) => run[name][at]);
        const shown = Math.tanh(run.c[at]);
        const out = o * (1 - shown * shown);
        const free = (name) => (held[name] && !Number.isNaN(held[name][at]) ? 0 : 1);
        paths.h[at] = dh[u];
        paths.c[at] = dc[u] += dh[u] * out;
        paths.direct[at] =
          t === T - 1 ? w[u] * out : run.f[at + H] * paths.direct[at + H];
        da[u] = free("i") * dc[u] * g * i * (1 - i);
        da[H + u] = free("f") * dc[u] * (t ? run.c[at - H] : 0) * f * (1 - f);
        da[2 * H + u] = free("g") * dc[u] * i * (1 - g * g);
        da[3 * H + u] = free("o") * dh[u] * shown * o * (1 - o);
        dc[u] *= f;
      }
      back(W, U, da, dh, paths.x, t, H);
    }
    return paths;
  }

  /* From the pre-activations of a step to its input, and to the hidden state before it. */
  function back(W, U, da, dh, dx, t, H) {
    dh.fill(0);
    for (let k = 0; k < da.length; k++) {
      dx[t] += W[k] * da[k];
      for (let v = 0; v < H; v++) dh[v] += U[k * H + v] * da[k];
    }
  }

  /* Run the simple RNN, h_t = tanh(W x_t + U h_{t-1} + b). */
  function runRNN(model, xs) {
    const { W, U, b, w, r, H } = model;
    const T = xs.length;
    const h = new Float64Array(T * H);
    for (let t = 0; t < T; t++) {
      for (let u = 0; u < H; u++) {
        let sum = W[u] * xs[t] + b[u];
        if (t) for (let v = 0; v < H; v++) sum += U[u * H + v] * h[(t - 1) * H + v];
        h[t * H + u] = Math.tanh(sum);
      }
    }
    return { T, H, x: xs, h, answer: readout(h, w, r, T, H) };
  }

  /* The gradient of the RNN's answer with respect to every hidden state and input. */
  function gradientRNN(model, run) {
    const { T, H } = run;
    const paths = { x: new Float64Array(T), h: new Float64Array(T * H) };
    const da = new Float64Array(H);
    const dh = Float64Array.from(model.w);
    for (let t = T - 1; t >= 0; t--) {
      for (let u = 0; u < H; u++) {
        const h = run.h[t * H + u];
        paths.h[t * H + u] = dh[u];
        da[u] = dh[u] * (1 - h * h);
      }
      back(model.W, model.U, da, dh, paths.x, t, H);
    }
    return paths;
  }

  /* The Euclidean norm over the units, step by step. */
  function norms(values, H) {
    const found = new Float64Array(values.length / H);
    for (let t = 0; t < found.length; t++) {
      found[t] = Math.hypot(...values.subarray(t * H, (t + 1) * H));
    }
    return found;
  }

  return { GATES, sigmoid, prepare, heldGates, runLSTM, gradientLSTM, runRNN, gradientRNN, norms };
});
