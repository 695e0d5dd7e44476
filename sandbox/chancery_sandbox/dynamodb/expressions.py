"""Expressions as moto reads them, each read once, and walked without asking every node ten times what it is.

A function sends the same few expressions again and again. moto read each three times for one call, copied its tree with
the copier for anything, and asked of every node, for each of ten checks, which class it is of: that was most of
what a transaction took. The trees, the checks and the answers are moto's own.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

from moto.dynamodb.comparisons import ConditionExpressionParser

# These two modules have no types.
from moto.dynamodb.parsing.ast_nodes import (  # type: ignore[attr-defined]
    DepthFirstTraverser,
    Expression,
    Node,
    UpdateExpression,
    UpdateExpressionFunction,
)
from moto.dynamodb.parsing.expressions import UpdateExpressionParser  # type: ignore[attr-defined]

_REMEMBERED = 1024
_PLACEHOLDER = re.compile(r"[#:][A-Za-z0-9_\-]+")


def mend() -> None:
    """Put ours in the place of moto's."""
    UpdateExpressionParser.make = staticmethod(_read_once(UpdateExpressionParser.make))
    ConditionExpressionParser.parse = _parsed_once(ConditionExpressionParser.parse)
    Node.__deepcopy__ = _copy
    Node.find_clauses = _find_clauses
    DepthFirstTraverser.traverse = _traverse


def _read_once(make: Callable[[str], UpdateExpression]) -> Callable[[str], UpdateExpression]:
    """The tree of an update expression; whoever changes one changes a copy, moto's validator above all."""
    return functools.lru_cache(_REMEMBERED)(make)


def _parsed_once(parse: Callable[[ConditionExpressionParser], Any]) -> Callable[[ConditionExpressionParser], Any]:
    """The operators of a condition, by its text and what its placeholders stand for; they only ever read an item."""
    known: dict[tuple[Any, ...], tuple[Any, list[str], list[str]]] = {}

    def parsed(self: ConditionExpressionParser) -> Any:
        text = self.condition_expression
        if not text:
            return parse(self)
        meant = {**(self.expression_attribute_names or {}), **(self.expression_attribute_values or {})}
        key = (text, *(repr(meant.get(placeholder)) for placeholder in _PLACEHOLDER.findall(text)))
        found = known.get(key)
        if found is None:
            operators = parse(self)
            if len(known) >= _REMEMBERED:
                known.clear()
            known[key] = (operators, list(self.expr_attr_names_found), list(self.expr_attr_values_found))
            return operators
        operators, names, values = found
        self.expr_attr_names_found.extend(names)
        self.expr_attr_values_found.extend(values)
        return operators

    return parsed


@functools.cache
def _is_node(kind: Any) -> bool:
    return issubclass(kind, Node)


def _node(value: Any) -> bool:
    kind: Any = type(value)
    return _is_node(kind)


@functools.cache
def _has_clauses(kind: Any) -> bool:
    return issubclass(kind, (Expression, UpdateExpressionFunction))


def _find_clauses(self: Node, kinds: list[type]) -> list[Node]:
    """The nodes below of exactly these classes, those that are in one another left out."""
    found: list[Node] = []
    for child in self.children or ():
        kind: Any = type(child)
        if kind in kinds:
            found.append(child)
        elif _has_clauses(kind):
            found.extend(child.find_clauses(kinds))
    return found


def _copy(self: Node, _memo: dict[int, Any]) -> Node:
    """A tree of its own. Leaves hold texts and numbers, which nobody can change."""
    made: Node = object.__new__(type(self))
    made.__dict__.update(self.__dict__)
    made.parent = None
    if self.children is not None:
        made.children = [_copy(child, _memo) if _node(child) else child for child in self.children]
        for child in made.children:
            if _node(child):
                child.parent = made
    return made


def _traverse(self: DepthFirstTraverser, root: Node) -> Node:
    """Process bottom-up, as `traverse_node_recursively` does; how a class is processed is looked up once."""
    processors: list[tuple[type, Callable[[Any], Any]]] = list(self._processing_map().items())
    chosen: dict[type, Callable[[Any], Any] | None] = {}
    notices_children = type(self).pre_processing_of_child is not DepthFirstTraverser.pre_processing_of_child

    def walk(node: Node, place: int) -> Node:
        parent = node.parent
        for number, child in enumerate(node.children or ()):
            if notices_children:
                self.pre_processing_of_child(node, number)
            if _node(child):
                walk(child, number)
        kind = type(node)
        if kind not in chosen:
            chosen[kind] = next((process for of, process in processors if issubclass(kind, of)), None)
        process = chosen[kind]
        if process is None:
            return node
        processed: Node = process(node)
        processed.parent = parent
        if parent:
            parent.children[place] = processed
        return processed

    return walk(root, -1)
