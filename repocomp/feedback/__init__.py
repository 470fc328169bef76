"""What became of completions: recording, verdicts, persistence in files and commits, figures, and forgetting."""
