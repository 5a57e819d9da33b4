"""Labelled texts, running text, sentences and pairs: documents, columns, splits."""
