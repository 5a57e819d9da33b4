"""Commands that print speeds as ratios, measured side by side; they judge nothing."""
