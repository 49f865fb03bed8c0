// Reads one JSON request per line ({tex, display, macros}), answers one JSON line ({html} or {error}).
const katex = require(process.argv[2]);
const lines = require("readline").createInterface({ input: process.stdin });

lines.on("line", (line) => {
  const { tex, display, macros } = JSON.parse(line);
  let answer;
  try {
    answer = {
      html: katex.renderToString(tex, {
        displayMode: display,
        macros,
        output: "htmlAndMathml",
        strict: "error",
        throwOnError: true,
        trust: false,
      }),
    };
  } catch (error) {
    answer = { error: String(error.message) };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
});
