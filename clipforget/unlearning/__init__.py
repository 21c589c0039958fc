"""What the methods of forgetting are given and share."""
