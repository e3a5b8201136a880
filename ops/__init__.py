"""What those who run Rollcall look at: dashboards as code, alert rules, and a runbook page for each alert.

================  =================================================================================================
where             what
================  =================================================================================================
``dashboards.py`` the dashboards; ``python -m ops`` writes them to ``grafana/dashboards``, where a test compares them
``batches.py``    the panels of "Rollcall: batches", for those who ask when a batch is ready
``workers.py``    the panels of "Rollcall: workers", for those who keep the workers running
``panels.py``     what a panel is
``kubernetes.py`` the alert rules for Kubernetes; ``python -m ops`` writes them to ``deploy/``
``pin.py``        ``python -m ops.pin`` pins the images of the containers to digests
``version.py``    ``python -m ops.version`` writes a release's number, and its heading in the changelog
``sbom.py``       ``python -m ops.sbom`` says what a release is made of, as CycloneDX
``crates.py``     the crates of the native part, for the SBOM
``kafka/``        the health check of Kafka's container
``prometheus/``   the scrape configuration, the alert rules, and their unit tests
``runbooks/``     a page for each alert
================  =================================================================================================
"""
