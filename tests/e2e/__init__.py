"""The programs as a user runs them: processes, exit statuses, words and reports."""
