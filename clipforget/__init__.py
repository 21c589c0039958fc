"""ClipForget: make a CLIP model forget part of what it knows, watch it happen, judge the result."""

__version__ = "0.2.0"
