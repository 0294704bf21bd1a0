"""The command ``audit``: reads, proves, completes and redacts the audit log."""
