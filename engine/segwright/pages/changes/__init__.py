"""Review of mapping changes: what is proposed, what reviewers say of it, what runs."""
