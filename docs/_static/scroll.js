// Boxes that scroll can be reached with the keyboard, and only those.
const watcher = new ResizeObserver(entries => {
  for (const { target } of entries) {
    if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});
for (const box of document.querySelectorAll(
  ".bd-article :is(pre, .pst-scrollable-table-container, .equation-formula)",
)) {
  watcher.observe(box);
}
