"""What happened, in the form that the journal keeps and every assertion reads."""
