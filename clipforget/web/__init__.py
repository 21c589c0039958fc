"""The page and its routes: the only place that imports gradio."""
