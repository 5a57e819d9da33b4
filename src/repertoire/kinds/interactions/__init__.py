"""What users liked."""
