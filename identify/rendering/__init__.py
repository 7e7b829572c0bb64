"""The findings as text, JSON, figures and one self-contained page."""
