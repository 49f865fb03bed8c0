"""The variants once more, slowly: NumPy, one sequence, one step, in the letters of the papers.

Nothing is shared with the package. A function takes the parameters `p` of a cell as arrays, x of
one step and the old state, and returns the new state and the gates, as tuples.
"""

import numpy as np


def sigma(a):
    return 1 / (1 + np.exp(-a))


def affine(p, rows, x, y):
    """Return W x + R y + b for each named gate."""
    W = dict(zip(rows, np.split(p["weight_ih"], len(rows)), strict=True))
    R = dict(zip(rows, np.split(p["weight_hh"], len(rows)), strict=True))
    b = dict.fromkeys(rows, 0.0)
    if "bias_ih" in p:
        total = p["bias_ih"] + p["bias_hh"]
        b = dict(zip(rows, np.split(total, len(rows)), strict=True))
    return {row: W[row] @ x + R[row] @ y + b[row] for row in rows}


def lstm_1997(p, x, y, s):
    """Hochreiter & Schmidhuber (1997): g = 4σ - 2, h = 2σ - 1, nothing is forgotten."""
    net = affine(p, "igo", x, y)
    y_in, y_out = sigma(net["i"]), sigma(net["o"])
    g = 4 * sigma(net["g"]) - 2
    s = s + y_in * g
    return (y_out * (2 * sigma(s) - 1), s), (y_in, g, y_out)


def peephole(p, x, y, c):
    """Gers & Schmidhuber (2000), with the output activation of Greff et al. (2017)."""
    p_i, p_f, p_o = np.split(p["weight_ch"], 3)
    net = affine(p, "ifgo", x, y)
    i = sigma(net["i"] + p_i * c)
    f = sigma(net["f"] + p_f * c)
    z = np.tanh(net["g"])
    c = z * i + c * f
    o = sigma(net["o"] + p_o * c)
    return (np.tanh(c) * o, c), (i, f, z, o)


def coupled(p, x, y, c):
    net = affine(p, "igo", x, y)
    i, z, o = sigma(net["i"]), np.tanh(net["g"]), sigma(net["o"])
    c = z * i + c * (1 - i)
    return (np.tanh(c) * o, c), (i, 1 - i, z, o)


def greff(variant):
    """Greff et al. (2017), section 3: the vanilla LSTM and one change to it."""
    rows = {"NIG": "fgo", "NFG": "igo", "CIFG": "igo", "NOG": "ifg"}.get(variant, "ifgo")

    def step(p, x, y, c, *before):
        net = affine(p, rows, x, y)
        gates = [row for row in rows if row != "g"]
        peep = {row: np.zeros_like(c) for row in "ifo"}
        if variant != "NP":
            peep |= dict(zip(gates, np.split(p["weight_ch"], len(gates)), strict=True))
        if variant == "FGR":
            R = p["weight_gg"]
            H = len(c)
            for to, gate in enumerate("ifo"):
                for source in range(3):
                    block = R[to * H : (to + 1) * H, source * H : (source + 1) * H]
                    net[gate] = net[gate] + block @ before[source]
        one = np.ones_like(c)
        i = one if variant == "NIG" else sigma(net["i"] + peep["i"] * c)
        if variant == "NFG":
            f = one
        elif variant == "CIFG":
            f = 1 - i
        else:
            f = sigma(net["f"] + peep["f"] * c)
        z = net["g"] if variant == "NIAF" else np.tanh(net["g"])
        c = z * i + c * f
        o = one if variant == "NOG" else sigma(net["o"] + peep["o"] * c)
        y = (c if variant == "NOAF" else np.tanh(c)) * o
        return (y, c, i, f, o) if variant == "FGR" else (y, c), (i, f, z, o)

    return step


def normalise(z, gain, offset, eps):
    """Ba et al. (2016): LN(z; α, β) over all entries of z."""
    mean = z.sum() / len(z)
    variance = ((z - mean) ** 2).sum() / len(z)
    return (z - mean) / np.sqrt(variance + eps) * gain + offset


def layer_norm(p, x, h, c, eps=1e-5):
    a = normalise(p["weight_hh"] @ h, p["norm_hh.weight"], p["norm_hh.bias"], eps)
    a = a + normalise(p["weight_ih"] @ x, p["norm_ih.weight"], p["norm_ih.bias"], eps)
    if "bias_ih" in p:
        a = a + p["bias_ih"] + p["bias_hh"]
    i, f, g, o = np.split(a, 4)
    i, f, g, o = sigma(i), sigma(f), np.tanh(g), sigma(o)
    c = f * c + i * g
    h = o * np.tanh(normalise(c, p["norm_c.weight"], p["norm_c.bias"], eps))
    return (h, c), (i, f, g, o)


def dropout(on):
    """Gal & Ghahramani (2016) on h, Semeniuta et al. (2016) on g; the mask is given."""

    def step(p, x, h, c, mask):
        net = affine(p, "ifgo", x, h * mask if on == "hidden" else h)
        i, f, g, o = sigma(net["i"]), sigma(net["f"]), np.tanh(net["g"]), sigma(net["o"])
        c = f * c + i * (g * mask if on == "candidate" else g)
        return (o * np.tanh(c), c, mask), (i, f, g, o)

    return step


def zoneout(p, x, h, c, d_h, d_c):
    """Krueger et al. (2017); d_h and d_c, which units keep their values, are given."""
    net = affine(p, "ifgo", x, h)
    i, f, g, o = sigma(net["i"]), sigma(net["f"]), np.tanh(net["g"]), sigma(net["o"])
    c_new = f * c + i * g
    h_new = o * np.tanh(f * c + i * g)
    return (d_h * h + (1 - d_h) * h_new, d_c * c + (1 - d_c) * c_new), (i, f, g, o, d_h, d_c)


def gru(p, x, h):
    """Cho et al. (2014) with the reset gate after the product, as in cuDNN."""
    W, R = np.split(p["weight_ih"], 3), np.split(p["weight_hh"], 3)
    b, d = [np.zeros(len(h))] * 3, [np.zeros(len(h))] * 3
    if "bias_ih" in p:
        b, d = np.split(p["bias_ih"], 3), np.split(p["bias_hh"], 3)
    r = sigma(W[0] @ x + b[0] + R[0] @ h + d[0])
    z = sigma(W[1] @ x + b[1] + R[1] @ h + d[1])
    n = np.tanh(W[2] @ x + b[2] + r * (R[2] @ h + d[2]))
    return ((1 - z) * n + z * h,), (r, z, n)


def janet(p, x, h, beta=1.0):
    """van der Westhuizen & Lasenby (2018)."""
    net = affine(p, "fg", x, h)
    s, g = net["f"], np.tanh(net["g"])
    return (sigma(s) * h + (1 - sigma(s - beta)) * g,), (1 - sigma(s - beta), sigma(s), g)


def min_lstm(positive):
    """Feng et al. (2024)."""

    def step(p, x, h):
        b = np.split(p["bias_ih"], 3) if "bias_ih" in p else [0.0] * 3
        W = np.split(p["weight_ih"], 3)
        i, f, g = sigma(W[0] @ x + b[0]), sigma(W[1] @ x + b[1]), W[2] @ x + b[2]
        if positive:
            g = np.array([a + 0.5 if a >= 0 else sigma(a) for a in g])
        f, i = f / (f + i), i / (f + i)
        return (f * h + i * g,), (i, f, g)

    return step


def slstm(forget):
    """Beck et al. (2024), equations (15) to (17) for the stabilised gates."""

    def step(p, x, h, c, n, m):
        net = affine(p, "ifgo", x, h)
        log_f = np.log(sigma(net["f"])) if forget == "sigmoid" else net["f"]
        m_new = np.maximum(log_f + m, net["i"])
        i, f = np.exp(net["i"] - m_new), np.exp(log_f + m - m_new)
        z, o = np.tanh(net["g"]), sigma(net["o"])
        c, n = f * c + i * z, f * n + i
        return (o * c / n, c, n, m_new), (i, f, z, o)

    return step


def slstm_plain(p, xs, forget="sigmoid"):
    """Beck et al. (2024), equations (8) to (14), without a stabiliser; from c = n = 0."""
    H = len(p["weight_hh"]) // 4
    h, c, n = np.zeros(H), np.zeros(H), np.zeros(H)
    hs = []
    for x in xs:
        net = affine(p, "ifgo", x, h)
        i = np.exp(net["i"])
        f = sigma(net["f"]) if forget == "sigmoid" else np.exp(net["f"])
        c = f * c + i * np.tanh(net["g"])
        n = f * n + i
        h = sigma(net["o"]) * (c / n)
        hs.append(h)
    return np.array(hs)
