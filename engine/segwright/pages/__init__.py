"""The pages in the browser: for clinicians, operators, analysts, reviewers and administrators."""
