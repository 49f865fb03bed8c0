"""What results depend on: imports of the code, followed through the package, which no library does
as far as a name and not its whole room. The source is read, never run.
"""

import ast
import hashlib
import json
import platform
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from itertools import accumulate
from pathlib import Path, PurePosixPath

LIBRARIES = ("torch", "numpy", "matplotlib")


def imports(tree: ast.AST, inside: "Module | None" = None) -> Iterator[tuple[str, str, str | None]]:
    """Yield (bound name, module, name in it or None) of each import in the tree."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.asname or alias.name, alias.name, None
        elif isinstance(node, ast.ImportFrom):
            origin = node.module or ""
            if node.level and inside is not None:
                parts = inside.name.split(".")
                end = len(parts) - node.level + inside.is_face
                origin = ".".join(filter(None, [*parts[:end], node.module]))
            for alias in node.names:
                yield alias.asname or alias.name, origin, alias.name


class Module:
    """One parsed module of the package."""

    def __init__(self, name: str, path: Path) -> None:
        """Parse the file at ``path``."""
        self.name, self.path = name, path
        self.tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
        self.is_face = path.name == "__init__.py"  # it only hands on what others define
        self.imported = {bound: (origin, name) for bound, origin, name in imports(self.tree, self)}

    @cached_property
    def digest(self) -> str:
        """A hash of what the module says: comments and layout do not count, docstrings do."""
        return hashlib.sha256(ast.dump(self.tree).encode()).hexdigest()


class Package:
    """The modules of one package, parsed when asked for."""

    def __init__(self, root: Path, name: str) -> None:
        """Look for the package ``name`` in the folder ``root``."""
        self.root, self.name = root, name
        self._modules: dict[str, Module | None] = {}

    def module(self, name: str) -> Module | None:
        """The module of that name, or None if the package has none."""
        if name not in self._modules:
            base = self.root.joinpath(*name.split("."))
            ours = name.partition(".")[0] == self.name
            files = [p for p in (base / "__init__.py", base.with_suffix(".py")) if p.is_file()]
            self._modules[name] = Module(name, files[0]) if ours and files else None
        return self._modules[name]

    def reached_by(self, tree: ast.AST) -> tuple[dict[str, Module], dict[str, Module]]:
        """The modules on whose content the results of some code depend, by following its imports.

        Returns two sets: modules to hash, and all that were read, with each ``__init__`` that only
        hands on what others define.
        """
        hashed: dict[str, Module] = {}
        read: dict[str, Module] = {}
        todo = [(module, name) for _, module, name in imports(tree)]
        done: set[tuple[str, str | None]] = set()
        while todo:
            wanted = todo.pop()
            module, name = wanted
            source = self.module(module)
            if source is None or wanted in done:
                continue
            done.add(wanted)
            read[module] = source
            if name in (None, "*") or not source.is_face:  # all of it runs
                hashed[module] = source
                todo += source.imported.values()
            elif name in source.imported:
                todo.append(source.imported[name])
            if name:
                todo.append((f"{module}.{name}", None))  # if it is a module
            for above in map(self.module, accumulate(module.split(".")[:-1], "{}.{}".format)):
                read |= {above.name: above} if above else {}
        return hashed, read


@dataclass(frozen=True)
class Fingerprint:
    """A hash of what a page's results depend on, and the files behind it."""

    digest: str
    files: tuple[Path, ...]


def names_stored(tree: ast.AST, stored: Iterable[Path]) -> list[Path]:
    """The stored results whose stem or file name stands in a string literal of the code."""
    literals = {
        PurePosixPath(node.value.strip()).name
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return [path for path in stored if literals & {path.name, path.stem}]


def fingerprint(
    code: str, package: Package, stored: Iterable[Path], read: Iterable[Path] = ()
) -> Fingerprint:
    """Hash what the results of some code depend on, apart from the code itself.

    Of the files in ``stored`` those count that the code names, of those in ``read`` all.

    Raises:
        SyntaxError: If the code cannot be parsed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        tree = ast.parse(code)
    hashed, modules = package.reached_by(tree)
    data = [*names_stored(tree, stored), *read]
    facts = {
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
        "modules": {name: hashed[name].digest for name in sorted(hashed)},
        "files": [(path.name, hashlib.sha256(path.read_bytes()).hexdigest()) for path in data],
    }
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
    return Fingerprint(digest, tuple(sorted([*(m.path for m in modules.values()), *data])))
