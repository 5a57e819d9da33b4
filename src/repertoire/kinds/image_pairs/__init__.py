"""Images that go in and images that should come out, in pairs."""
