"""Images, with a class each where the data have classes."""
