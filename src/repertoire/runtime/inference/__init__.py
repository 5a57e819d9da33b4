"""How models are used, over arrays: evaluation and tasks call the same functions of ``Run``."""
