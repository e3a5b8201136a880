"""The documents: generated pages are up to date, links lead somewhere, commands exist, docstrings are complete maps.

=================  ===================================================================================================
module             holds
=================  ===================================================================================================
``documents``      which documents there are, and what is written in them
``test_links``     every link, anchor and path that a document names
``test_commands``  every command line in a document: the verb and its options exist
``test_reference`` the generated pages of ``docs/reference``, and what the README says of settings
``test_maps``      each package's docstring names each of its modules
``test_problems``  the lines of the page on cluster problems are the code's
``test_tutorial``  the tutorial's commands, run as they stand, print what it says
``session``        a console session in a document: commands, and what they must print
=================  ===================================================================================================
"""
