// Reads {formulas: [[tex, display]], macros} as JSON, writes a JSON list of {html} or {error}.
const katex = require(process.argv[2]);
const { formulas, macros } = JSON.parse(require("fs").readFileSync(0, "utf-8"));
const set = ([tex, display]) => {
  try {
    const html = katex.renderToString(tex, {
      displayMode: display,
      macros,
      output: "htmlAndMathml",
      strict: "error",
      throwOnError: true,
      trust: false,
    });
    return { html };
  } catch (error) {
    return { error: String(error.message) };
  }
};
process.stdout.write(JSON.stringify(formulas.map(set)));
