"""Images with labels: folders, archives, data sets, targets and splits."""
