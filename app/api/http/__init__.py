"""What a request meets on its way in and out.

==============  ========================================================================================================
module          holds
==============  ========================================================================================================
``server``      puts the routes on the worker's web server
``routes``      the table of routes
``middleware``  what goes around every handler
``budget``      how many requests at a time
``under_way``   acts, each to its end
``handlers``    what is asked, in; an answer's model, out
``stream``      server-sent events
``pages``       the board's files
``openapi``     the OpenAPI document of the routes
==============  ========================================================================================================
"""
