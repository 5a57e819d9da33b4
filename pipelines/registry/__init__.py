"""The MLflow registry: runs, model versions, and the aliases ``challenger`` and ``champion``.

``connection`` opens it, ``content`` is what a recipe has to register, ``run`` and ``model`` write
it into MLflow, and ``versions`` decides which version is which, also among several machines.
"""
