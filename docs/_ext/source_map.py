"""Read the package's source without running it: where a name is defined, what code depends on."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path


@dataclass(frozen=True)
class Definition:
    """A class, function or method: its module, its name inside it, its file and its node."""

    module: str
    qualname: str
    path: Path
    node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


class SourceModule:
    """One parsed module of the package."""

    def __init__(self, name: str, path: Path) -> None:
        """Parse the file at ``path``."""
        self.name = name
        self.path = path
        self.tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))

    @property
    def is_package(self) -> bool:
        """Whether the module is an ``__init__``."""
        return self.path.name == "__init__.py"

    @cached_property
    def digest(self) -> str:
        """A hash of what the module says: comments and layout do not count, docstrings do."""
        return hashlib.sha256(ast.dump(self.tree).encode()).hexdigest()

    @cached_property
    def definitions(self) -> dict[str, ast.stmt]:
        """Names bound at the top level other than by an import, each with its statement."""
        names: dict[str, ast.stmt] = {}
        for statement in self.tree.body:
            match statement:
                case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                    names[statement.name] = statement
                case ast.Assign():
                    targets = [n for t in statement.targets for n in ast.walk(t)]
                    names |= {n.id: statement for n in targets if isinstance(n, ast.Name)}
                case ast.AnnAssign(target=ast.Name(id=name)):
                    names[name] = statement
                case _:
                    pass
        return names

    @cached_property
    def imported(self) -> dict[str, tuple[str, str | None]]:
        """Names bound by an import: the module and, for ``from … import``, the name there."""
        return {bound: (module, name) for bound, module, name in imports(self.tree, self)}

    @property
    def only_reexports(self) -> bool:
        """Whether running the module does nothing but bind names from elsewhere."""
        return all(_binds_only(statement) for statement in self.tree.body)


def _binds_only(statement: ast.stmt) -> bool:
    """Whether a statement is an import, a text, a dunder like ``__all__``, or a guarded import."""
    match statement:
        case ast.Import() | ast.ImportFrom() | ast.Expr(value=ast.Constant()):
            return True
        case ast.Assign():
            return all(isinstance(t, ast.Name) and t.id[:2] == "__" for t in statement.targets)
        case ast.Try():
            guarded = all(_binds_only(inner) for inner in statement.body)
            return guarded and all(
                isinstance(inner, ast.Raise) for h in statement.handlers for inner in h.body
            )
        case _:
            return False


def imports(
    tree: ast.AST, module: SourceModule | None = None
) -> Iterator[tuple[str, str, str | None]]:
    """Yield (bound name, module, name in it or None) of each import in the tree."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.asname or alias.name, alias.name, None
        elif isinstance(node, ast.ImportFrom):
            origin = node.module or ""
            if node.level and module is not None:
                parts = module.name.split(".")
                parts = parts[: len(parts) - node.level + module.is_package]
                origin = ".".join([*parts, node.module] if node.module else parts)
            for alias in node.names:
                yield alias.asname or alias.name, origin, alias.name


class SourceMap:
    """The modules of one package, parsed when asked for."""

    def __init__(self, root: Path, package: str) -> None:
        """Look for ``package`` in the folder ``root``."""
        self.root = root
        self.package = package
        self._modules: dict[str, SourceModule | None] = {}

    def module(self, name: str) -> SourceModule | None:
        """The module of that name, or None if the package has none."""
        if name not in self._modules:
            self._modules[name] = None
            if name == self.package or name.startswith(self.package + "."):
                base = self.root.joinpath(*name.split("."))
                for path in (base / "__init__.py", base.with_suffix(".py")):
                    if path.is_file():
                        self._modules[name] = SourceModule(name, path)
                        break
        return self._modules[name]

    def locate(self, module: str, name: str) -> tuple[SourceModule, str] | None:
        """Follow re-exports from ``module`` to where ``name`` is defined.

        Returns the defining module and the name there ("" when the name is itself a module).
        """
        seen = set()
        while (module, name) not in seen:
            seen.add((module, name))
            source = self.module(module)
            if source is None:
                return None
            if name in source.definitions:
                return source, name
            if name in source.imported:
                origin, inner = source.imported[name]
                if inner is None:
                    whole = self.module(origin)
                    return (whole, "") if whole else None
                module, name = origin, inner
                continue
            whole = self.module(f"{module}.{name}")
            return (whole, "") if whole else None
        return None

    def find(self, dotted: str) -> Definition | None:
        """The class, function or method that a dotted name means, or None."""
        parts = dotted.split(".")
        for cut in range(len(parts) - 1, 0, -1):
            if self.module(".".join(parts[:cut])) is None:
                continue
            found = self.locate(".".join(parts[:cut]), parts[cut])
            if found is None or not found[1]:
                return None
            source, name = found
            node: ast.AST | None = source.definitions[name]
            for part in parts[cut + 1 :]:
                body = node.body if isinstance(node, ast.ClassDef) else []
                node = next((n for n in body if getattr(n, "name", None) == part), None)
            if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                return Definition(
                    source.name, ".".join([name, *parts[cut + 1 :]]), source.path, node
                )
            return None
        return None

    def public_name(self, module: str, qualname: str) -> str:
        """The name by which users import a definition: the shallowest package that exports it."""
        top, _, rest = qualname.partition(".")
        parts = module.split(".")
        for depth in range(2, len(parts)):
            room = ".".join(parts[:depth])
            found = self.locate(room, top) if self.module(room) else None
            if found and found[0].name == module and found[1] == top:
                return ".".join(filter(None, [room, top, rest]))
        return f"{module}.{qualname}"

    def reached_by(self, tree: ast.AST) -> tuple[dict[str, SourceModule], dict[str, SourceModule]]:
        """The modules on whose content the results of some code depend, by following its imports.

        Returns two sets: modules to hash, and modules that were only read through (an
        ``__init__`` that does nothing but re-export).
        """
        hashed: dict[str, SourceModule] = {}
        passed: dict[str, SourceModule] = {}
        todo: list[tuple[str, str | None]] = [(m, n) for _, m, n in imports(tree)]
        done: set[tuple[str, str | None]] = set()
        while todo:
            module, name = todo.pop()
            if (module, name) in done:
                continue
            done.add((module, name))
            source = self.module(module)
            if source is None:
                continue
            # Importing a module runs every package above it.
            parts = module.split(".")
            for depth in range(1, len(parts)):
                above = self.module(".".join(parts[:depth]))
                if above is not None:
                    passed[above.name] = above
                    if not above.only_reexports:
                        todo.append((above.name, None))
            if name is None or name == "*":
                hashed[source.name] = source
                todo += source.imported.values()
                continue
            passed[source.name] = source
            if not source.only_reexports:
                todo.append((source.name, None))
            found = self.locate(module, name)
            if found is not None:
                todo.append((found[0].name, None))
                # The chain of re-exports runs through these.
                if name in source.imported:
                    todo.append(source.imported[name])
        return hashed, {k: v for k, v in passed.items() if k not in hashed}
