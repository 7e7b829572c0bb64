"""The paper's formulas and steps once more, exact or in balls, without any import of identify."""
