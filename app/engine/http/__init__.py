"""What every worker serves over HTTP, of whatever application, on Faust's web server.

==============  ===================================================================================================
module          holds
==============  ===================================================================================================
``health``      ``/health/live`` and ``/health/ready``, open to anybody
``exposition``  ``/metrics``: the engine's and the application's
``access``      who may ask and act
``errors``      errors that are answered as such
==============  ===================================================================================================
"""
