"""The board, in a real browser.

================  ===================================================================================================
module            holds
================  ===================================================================================================
``fake_api``      the API as the board sees it: a test controls every answer
``fake_answers``  the shapes of its lists and of its stream
``browser_log``   what a browser says, and what of it is wrong in any test
``pages``         what tests look for on a page
``scenarios``     batches, dead letters and timelines in the shape of the API
================  ===================================================================================================
"""
