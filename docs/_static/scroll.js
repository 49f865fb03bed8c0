// Boxes that scroll can be reached with the keyboard, and only those; their edge says that they do.
const mark = (box) =>
  box.classList.toggle("goes-on", box.scrollLeft + box.clientWidth < box.scrollWidth - 2);
const watcher = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
    mark(target);
  }
});
for (const box of document.querySelectorAll(
  ".bd-article :is(pre, .pst-scrollable-table-container, .equation-formula)",
)) {
  watcher.observe(box);
  box.addEventListener("scroll", () => mark(box), { passive: true });
}
