"""The AsyncAPI 3.0 description of every topic, made of the code's own models.

``python -m app.asyncapi > docs/asyncapi.json`` writes the copy that is checked in.

=============  ======================================================================================================
module         holds
=============  ======================================================================================================
``catalogue``  each topic: its message, key and model
``schemas``    JSON Schema of the models
``examples``   real messages: a story that is played through decode, fold and encode
``document``   the whole
``text``       the document as text
=============  ======================================================================================================
"""
