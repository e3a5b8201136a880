"""The pure core: what a batch is, and what each event does to it.

Nothing here imports Faust, a Kafka client, a clock or a random source (an import contract in ``pyproject.toml``
enforces it). Time and positions are arguments. A batch is a fold over its records in log order.

================  ===================================================================================================
"""
