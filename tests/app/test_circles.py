"""Imports form no circle, but for the one that mirrors Faust: app, consumer (with its thread) and recovery."""

import grimp


def test_no_modules_import_one_another_in_a_circle() -> None:
    graph = grimp.build_graph("app", "tables", "agents")
    below = {module: graph.find_downstream_modules(module) for module in graph.modules}
    circles = {
        frozenset({module, *(other for other in below[module] if module in below[other])})
        for module in graph.modules
        if module in below[module] or any(module in below[other] for other in below[module])
    }
    names = {"app", "consumer", "consumer_thread", "recovery"}
    assert [circle for circle in circles if {module.rsplit(".", 1)[1] for module in circle} != names] == []
