// The line that installs the package names the wheel of this very site, wherever the site lies.
const site = new URL(document.documentElement.dataset.content_root, location.href);
for (const line of document.querySelectorAll(".install pre")) {
  const texts = document.createTreeWalker(line, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    texts.currentNode.data = texts.currentNode.data.replace("SITE/", site.href);
  }
}
