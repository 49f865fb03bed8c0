// Drop from style sheets, in place, the rules that no page and no script of a site can meet:
// node purge.cjs SITE SHEET...
const fs = require("node:fs");
const path = require("node:path");
const { PurgeCSS } = require(path.join(__dirname, "..", "node_modules", "purgecss"));

const [site, ...css] = process.argv.slice(2);
new PurgeCSS()
  .purge({
    css,
    content: ["html", "js"].map((kind) => `${site}/**/*.${kind}`),
    dynamicAttributes: ["data-theme", "data-mode"], // scripts set them
    safelist: { greedy: [/tooltip/] }, // Bootstrap puts these names together
  })
  .then((sheets) => sheets.forEach(({ file, css }) => fs.writeFileSync(file, css)));
