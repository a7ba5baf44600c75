"""What an analyst works with: which lines the cases exercise, which mutants they would miss, what is never read, live preview."""
