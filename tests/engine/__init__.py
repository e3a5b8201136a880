"""The engine inside Faust: what it relies on, and each trap of the framework and the client, shown to be closed."""
