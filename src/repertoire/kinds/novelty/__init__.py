"""Rows or images of which some are anomalies."""
