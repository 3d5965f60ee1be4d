"""The jobs of the house: each opens its doors, its transaction and its clock."""
