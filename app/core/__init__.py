"""The pure core: what a batch is, and what each event does to it.

Nothing here imports Faust, a Kafka client, a clock or a random source (an import contract in ``pyproject.toml``
enforces it). Time and positions are arguments. A batch is a fold over its records in log order:

* :mod:`app.core.events` - what comes in,
* :mod:`app.core.acts` - what operators do, events as well,
* :mod:`app.core.rules` - what each event means for a batch (**the place to change a rule**),
* :mod:`app.core.act_rules` - the same for what operators do,
* :mod:`app.core.facts` - what was decided, as immutable statements: the rows of the changelog,
* :mod:`app.core.batch` - the state that the facts add up to; :mod:`app.core.replay` - of stored rows,
* :mod:`app.core.outputs` - what is said to the world about a fact,
* :mod:`app.core.fold` - the step that ties them together.
"""
