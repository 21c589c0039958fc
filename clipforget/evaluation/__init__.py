"""How well something was forgotten and how much else was retained."""
