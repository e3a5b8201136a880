"""The pages of ``docs/reference`` that are made of the code: a test holds them to be up to date.

``python -m app.reference`` writes them.

============  =======================================================================================================
module        makes
============  =======================================================================================================
``settings``  settings.md: every setting with its default, what it may be, and what it means
``commands``  commands.md: every verb with its ``--help``, and the verbs of ``run.py``
``metrics``   metrics.md: every metric with its type and labels
``routes``    http-api.md: every route of the HTTP API
``topics``    topics.md: every topic with its key, and the headers
``pages``     all of them, by file name
``markdown``  tables
============  =======================================================================================================
"""
